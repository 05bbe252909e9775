"""Moving boards tell when each camera exposed its rows, together with everything else."""

from dataclasses import replace

import numpy as np
import pytest
from bundle_scene import CORNERS, Scene, aligned_centers_mm, problem_of, scene
from scipy.spatial.transform import Rotation

from calibration.bundle.problem import TimingPrior
from calibration.bundle.solve import solve_bundle
from calibration.errors import CalibrationError
from geometry.rigid import transform

OFFSET_S, READOUT_S = {"cam1/color": 0.002, "cam3/color": -0.0015}, 0.02


def waved(seed: int = 0) -> Scene:
    """Boards that move at some 0.3 m/s, seen by rolling shutters; noise of 0.05 px."""
    still = scene(4, 45, sigma_px=0.0, seed=seed)
    rng = np.random.default_rng(seed)
    speed = {n: (rng.normal(0, 0.2, 3), rng.normal(0, 0.3, 3)) for n in still.T_world_board}
    views = []
    for view in still.views:
        camera, T = still.cameras[view.camera], still.T_world_board[view.instant]
        v, turn = speed[view.instant]

        def seen(seconds: np.ndarray, camera=camera, T=T, v=v, turn=turn, ids=view.ids) -> np.ndarray:
            """Each corner at its own time."""
            turned = Rotation.from_rotvec(seconds[:, None] * turn).apply(CORNERS[ids])
            return camera.project(transform(T, turned) + seconds[:, None] * v)

        step = np.full(len(view.ids), 1e-4)
        velocity = (seen(step) - seen(-step)) / 2e-4
        delay = OFFSET_S.get(view.camera, 0.0) + READOUT_S * ((view.q[:, 1] + 0.5) / camera.height - 0.5)
        q = seen(delay) + rng.normal(0, 0.05, view.q.shape)
        views.append(replace(view, q=q, velocity=velocity, sigma_px=0.05))
    return replace(still, views=tuple(views))


def test_offsets_and_readouts_are_found_with_the_rig() -> None:
    truth = waved()
    problem = problem_of(truth)
    timed = solve_bundle(replace(problem, timings={name: TimingPrior() for name in truth.cameras}))
    blind = solve_bundle(problem)
    common = np.mean([timed.timings[n].offset_s - OFFSET_S.get(n, 0.0) for n in truth.cameras])  # shows in boards alone
    for name, timing in timed.timings.items():
        sigma = timing.readout_sigma_s
        assert sigma < 5e-4
        assert abs(timing.readout_s - READOUT_S) < 4 * sigma + 2e-4  # corners do not move quite evenly within 20 ms
        assert timing.offset_s - common == pytest.approx(OFFSET_S.get(name, 0.0), abs=4e-4)
    assert timed.sigma_scale == pytest.approx(1, abs=0.1)
    assert aligned_centers_mm(timed.cameras, truth.cameras).mean() < 1.5
    assert aligned_centers_mm(blind.cameras, truth.cameras).mean() > 3 * (
        aligned_centers_mm(timed.cameras, truth.cameras).mean()
    )


def test_without_timings_everything_exposes_at_the_instant() -> None:
    truth = scene(3, 12)
    moving = tuple(replace(view, velocity=np.full(view.q.shape, 50.0)) for view in truth.views)
    a, b = solve_bundle(problem_of(truth)), solve_bundle(problem_of(replace(truth, views=moving)))
    assert a.cost == pytest.approx(b.cost, rel=1e-12)
    assert a.timings == b.timings == {}
    unknown = replace(problem_of(truth), timings={"phone": TimingPrior()})
    with pytest.raises(CalibrationError, match="a timing names 'phone'"):
        solve_bundle(unknown)


def test_boards_that_stand_still_leave_the_timing_to_its_prior() -> None:
    truth = scene(3, 12)
    timed = solve_bundle(replace(problem_of(truth), timings={"cam1/color": TimingPrior()}))
    assert timed.timings["cam1/color"].offset_sigma_s == pytest.approx(5e-3)
    assert timed.timings["cam1/color"].readout_s == 0
