"""Errors that a view's corners share are found in the residuals, and the covariance knows them."""

from dataclasses import replace

import numpy as np
import pytest
from bundle_scene import Scene, aligned_centers_mm, problem_of, scene, see

from calibration.bundle.solve import solve_bundle

SEEDS = 6


def noisy(base: Scene, shift_px: float, stretch_px: float, seed: int) -> Scene:
    """Corner noise of 0.15 px, and shifts and stretches of whole views."""
    rng = np.random.default_rng(seed)
    views = []
    for view in see(base.cameras, base.T_world_board, 0.15, rng):
        arm = view.q - view.q.mean(0)
        arm /= np.sqrt((arm**2).mean(0))
        moved = view.q + rng.normal(0, shift_px, 2) + arm @ rng.normal(0, stretch_px, (2, 2))
        views.append(replace(view, q=moved))
    return replace(base, views=tuple(views))


def test_shift_and_stretch_are_found() -> None:
    base = scene(5, 50, sigma_px=0.0)
    alone = solve_bundle(problem_of(noisy(base, 0.0, 0.0, 1)))
    both = solve_bundle(problem_of(noisy(base, 0.12, 0.05, 1)))
    # of 130 views, and the fit takes half: a deviation is found to 1 / sqrt(130) or so of itself; three of these
    assert both.shift_px == pytest.approx(0.12, rel=0.25)
    assert both.stretch_px == pytest.approx(0.05, rel=0.25)
    assert alone.shift_px < 0.02  # corner noise alone shifts the mean of 40 corners by 0.024
    assert alone.stretch_px < 0.02


def test_covariance_counts_what_corners_share() -> None:
    base = scene(5, 30, sigma_px=0.0)
    squares = expected = 0.0
    for seed in range(SEEDS):
        truth = noisy(base, 0.15, 0.0, seed)
        solution = solve_bundle(problem_of(truth, rad=1e-3, m=1e-3, f_error=1e-4))
        aligned = solution.covariance.aligned(solution.cameras)
        squares += float((aligned_centers_mm(solution.cameras, truth.cameras) ** 2).sum()) / SEEDS
        expected += 1e6 * sum(aligned.center_sigma_m(name) ** 2 for name in truth.cameras) / SEEDS
    quiet = solve_bundle(problem_of(noisy(base, 0.0, 0.0, 0), rad=1e-3, m=1e-3, f_error=1e-4))
    alone = quiet.covariance.aligned(quiet.cameras)
    corners_only = 1e6 * sum(alone.center_sigma_m(name) ** 2 for name in truth.cameras)
    # six draws whose squares are ruled by the two or three softest directions of the rig: sigma 0.3 of the ratio
    assert 0.4 < squares / expected < 2.0
    assert squares / corners_only > 4


def test_corners_on_a_line_have_no_stretch() -> None:
    whole = scene(4, 40)
    rows = tuple(
        replace(view, ids=view.ids[view.ids // 8 == 2], q=view.q[view.ids // 8 == 2]) if n % 3 else view
        for n, view in enumerate(whole.views)
    )
    solution = solve_bundle(problem_of(replace(whole, views=tuple(view for view in rows if len(view.ids)))))
    assert np.isfinite(solution.covariance.matrix).all()
    assert solution.converged
