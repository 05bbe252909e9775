"""Bundle adjustment: it finds the truth, says how near it is, and refuses what cannot be solved."""

from dataclasses import replace

import numpy as np
import pytest
from bundle_scene import FREE, Scene, aligned_centers_mm, problem_of, scene, see, shaken
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardView
from calibration.bundle.problem import BundleSolution, DevicePair
from calibration.bundle.solve import solve_bundle
from calibration.errors import CalibrationError
from geometry.camera import Camera
from geometry.rigid import inverse, rotation_angle

HELD_LENS = np.zeros(12)


def turned_deg(a: dict[str, Camera], b: dict[str, Camera]) -> np.ndarray:
    return np.rad2deg([rotation_angle(inverse(a[n].T_world_camera) @ b[n].T_world_camera) for n in b])


def test_exact_corners_give_the_truth() -> None:
    whole = scene(4, 20, sigma_px=0.0)
    solution = solve_bundle(problem_of(whole), robust_px=None)
    assert solution.converged
    assert solution.rms_px < 1e-5
    # the held camera begins at its truth, so the world is the true one; NEAR allows a thousandth of some 3 mm
    for name, camera in whole.cameras.items():
        np.testing.assert_allclose(solution.cameras[name].T_world_camera, camera.T_world_camera, atol=1e-5)
        np.testing.assert_allclose(solution.cameras[name].K, camera.K, atol=2e-3)
    for instant, T in solution.T_world_board.items():
        np.testing.assert_allclose(T, whole.T_world_board[instant], atol=1e-5)


def test_the_rig_does_not_depend_on_the_held_camera_or_the_order_of_views() -> None:
    whole = scene(5, 30)
    a = solve_bundle(problem_of(whole, held="cam0/color"))
    backwards = replace(whole, views=whole.views[::-1])
    b = solve_bundle(problem_of(backwards, held="cam2/color", seed=4))
    assert a.cost == pytest.approx(b.cost, rel=1e-6)  # both within NEAR of the same minimum
    assert aligned_centers_mm(a.cameras, b.cameras).max() < 0.01
    for x, y in zip(a.residuals, b.residuals[::-1]):
        np.testing.assert_allclose(x, y, atol=1e-3)
    # equal but for the random draws behind the shared errors, which depend on the order of views
    same = a.covariance.aligned(a.cameras), b.covariance.aligned(b.cameras)
    for name in whole.cameras:
        assert same[0].center_sigma_m(name) == pytest.approx(same[1].center_sigma_m(name), rel=0.03)
        assert same[0].rotation_sigma_rad(name) == pytest.approx(same[1].rotation_sigma_rad(name), rel=0.03)
    assert not a.covariance.of("cam0/color").any()


def test_a_prior_holds_what_views_do_not_determine() -> None:
    few = scene(3, 8)
    wide = solve_bundle(problem_of(few, sigma=FREE))
    tight = solve_bundle(problem_of(few, sigma=np.array([3, 3, 3, 3, *[0.02] * 5, 0, 0, 0]), f_error=0.0))
    name = "cam1/color"
    f = np.sqrt(tight.intrinsics_covariance[name][0, 0])
    assert f <= 3.0
    assert f < np.sqrt(wide.intrinsics_covariance[name][0, 0])
    assert not tight.intrinsics_covariance[name][9:].any()
    assert abs(tight.cameras[name].K[0, 0] - few.cameras[name].K[0, 0]) < 4 * f


def test_gross_outliers_are_left_out_and_weigh_nothing() -> None:
    whole = scene(5, 40)
    rng = np.random.default_rng(0)
    spoiled = []
    for view in whole.views:
        q = view.q.copy()
        bad = rng.random(len(q)) < 0.03
        q[bad] += rng.normal(0, 15, (int(bad.sum()), 2))
        spoiled.append(replace(view, q=q))
    clean = solve_bundle(problem_of(whole))
    robust = solve_bundle(problem_of(replace(whole, views=tuple(spoiled))))
    squares = solve_bundle(problem_of(replace(whole, views=tuple(spoiled))), robust_px=None)
    error = [aligned_centers_mm(s.cameras, whole.cameras).mean() for s in (clean, robust, squares)]
    assert error[1] < 1.5 * error[0]  # Huber's loss keeps a bounded pull of each outlier
    assert error[2] > 3 * error[0]
    moved = np.concatenate([np.linalg.norm(a.q - b.q, axis=1) > 5 for a, b in zip(spoiled, whole.views)])
    assert np.concatenate(robust.weights)[moved].max() < 0.15  # 0.5 px of more than 5, less noise


def two_housings(sigma_rad: float, sigma_m: float) -> tuple[Scene, tuple[DevicePair, ...]]:
    """Cameras 0 and 1 in one housing, 1 sees nothing but what 0 sees."""
    whole = scene(4, 25, sigma_px=0.05)
    rng = np.random.default_rng(9)
    apart = np.eye(4)
    apart[:3, :3] = Rotation.from_rotvec([0.1, 0, 0.01]).as_matrix()
    apart[:3, 3] = [0.032, 0.002, -0.004]
    first = whole.cameras["cam0/color"]
    twin = replace(first, name="cam0/depth", T_world_camera=first.T_world_camera @ apart)
    cameras = {**whole.cameras, "cam0/depth": twin}
    views = see(cameras, whole.T_world_board, 0.05, rng)
    factory = shaken(apart, sigma_rad, sigma_m, rng)
    pair = DevicePair(a="cam0/color", b="cam0/depth", T_a_b=factory, sigma_rad=sigma_rad, sigma_m=sigma_m)
    return replace(whole, cameras=cameras, views=views), (pair,)


def test_an_exact_pair_stays_exact() -> None:
    whole, pairs = two_housings(0.0, 0.0)
    for held in ("cam0/depth", "cam2/color"):
        solution = solve_bundle(problem_of(whole, pairs=pairs, held=held))
        a, b = (solution.cameras[n].T_world_camera for n in ("cam0/color", "cam0/depth"))
        np.testing.assert_allclose(inverse(a) @ b, pairs[0].T_a_b, atol=1e-9)
        assert solution.converged
        assert aligned_centers_mm(solution.cameras, whole.cameras).max() < 2


def test_a_pair_ties_a_camera_that_shares_no_board() -> None:
    whole, pairs = two_housings(1e-3, 1e-3)
    alone = tuple(replace(v, instant=v.instant + 1) if v.camera == "cam0/depth" else v for v in whole.views)
    boards = {**whole.T_world_board, **{n + 1: T for n, T in whole.T_world_board.items()}}
    apart = replace(whole, views=alone, T_world_board=boards)
    solution = solve_bundle(problem_of(apart, pairs=pairs))
    a, b = (solution.cameras[n].T_world_camera for n in ("cam0/color", "cam0/depth"))
    np.testing.assert_allclose(inverse(a) @ b, pairs[0].T_a_b, atol=1e-6)
    assert solution.covariance.rotation_sigma_rad("cam0/depth") > 1e-3
    with pytest.raises(CalibrationError, match="ties 'cam0/depth' to the other"):
        solve_bundle(problem_of(apart))


def without(whole: Scene, name: str) -> Scene:
    return replace(whole, views=tuple(view for view in whole.views if view.camera != name))


def test_what_cannot_be_solved_is_named() -> None:
    whole = scene(3, 10)
    with pytest.raises(CalibrationError, match="'cam1/color' to the other cameras"):
        solve_bundle(problem_of(without(whole, "cam1/color")))
    with pytest.raises(CalibrationError, match="no view of a board"):
        solve_bundle(problem_of(replace(whole, views=())))
    with pytest.raises(CalibrationError, match="none of cam0/color"):
        solve_bundle(replace(problem_of(whole), held="kinect"))
    with pytest.raises(CalibrationError, match="has no such camera"):
        solve_bundle(problem_of(replace(whole, views=(replace(whole.views[0], camera="x"), *whole.views))))
    nowhere = BoardView(camera="cam0/color", instant=777, ids=np.arange(3), q=np.zeros((3, 2)))
    with pytest.raises(CalibrationError, match="instant 777: no place of the board"):
        solve_bundle(problem_of(replace(whole, views=(*whole.views, nowhere))))
    one = whole.views[0]
    few = (replace(one, ids=one.ids[:4], q=one.q[:4]),)
    alone = replace(whole, cameras={one.camera: whole.cameras[one.camera]}, views=few)
    with pytest.raises(CalibrationError, match=f"camera '{one.camera}'"):
        solve_bundle(problem_of(alone))
    torn = replace(one)
    object.__setattr__(torn, "q", one.q[:-1])  # the shape check of the tests would not let it be made
    with pytest.raises(CalibrationError, match=f"{len(one.ids)} ids, but {len(one.q) - 1} pixels"):
        solve_bundle(problem_of(replace(whole, views=(torn, *whole.views[1:]))))
    problem = problem_of(whole)
    behind = {n: T.copy() for n, T in problem.T_world_board.items()}
    behind[one.instant][:3, 3] += 20 * (whole.cameras[one.camera].center - behind[one.instant][:3, 3])
    with pytest.raises(CalibrationError, match="begins behind it"):
        solve_bundle(replace(problem, T_world_board=behind))


def test_iterations_are_reported_and_bounded() -> None:
    seen: list[tuple[int, float]] = []
    solution = solve_bundle(
        problem_of(scene(4, 20)), max_iterations=2, on_iteration=lambda n, cost: seen.append((n, cost))
    )
    assert not solution.converged
    assert [n for n, _ in seen] == [1, 2]
    assert seen[1][1] < seen[0][1]


def solutions(count: int, **how: float) -> list[tuple[Scene, BundleSolution]]:
    """The same rig and boards with other noise, begun at the truth."""
    base = scene(4, 30, sigma_px=0.0)
    out = []
    for seed in range(count):
        noisy = replace(base, views=see(base.cameras, base.T_world_board, 0.15, np.random.default_rng(100 + seed)))
        out.append((noisy, solve_bundle(problem_of(noisy, rad=0.001, m=0.001, f_error=1e-4))))
    return out


@pytest.mark.slow
def test_covariance_is_the_spread_over_seeds() -> None:
    normalised, alike = [], []
    for truth, solution in solutions(12):
        held = solution.covariance.matrix[6:, 6:]
        error = []
        for name, camera in truth.cameras.items():
            turn = camera.T_world_camera[:3, :3].T @ solution.cameras[name].T_world_camera[:3, :3]
            error.append(np.r_[Rotation.from_matrix(turn).as_rotvec(), solution.cameras[name].center - camera.center])
        e = np.concatenate(error)[6:]
        normalised.append(e @ np.linalg.solve(held, e) / len(e))
        aligned = solution.covariance.aligned(solution.cameras)
        squares = (aligned_centers_mm(solution.cameras, truth.cameras) / 1000) ** 2
        alike.append(squares.sum() / sum(aligned.center_sigma_m(n) ** 2 for n in truth.cameras))
        assert solution.sigma_scale == pytest.approx(1, abs=0.05)  # some 2000 coordinates
    # 12 draws of 18 numbers each: chi square over its mean has sigma sqrt(2 / 216) = 0.1; four of these
    assert np.mean(normalised) == pytest.approx(1, abs=0.4)
    assert np.mean(alike) == pytest.approx(1, abs=0.6)  # fewer independent numbers: 12 centres less 6, ill-conditioned


def test_understated_sigmas_are_found_and_widen_the_covariance() -> None:
    whole = scene(4, 30)
    told = replace(whole, views=tuple(replace(view, sigma_px=0.05) for view in whole.views))
    honest, bold = solve_bundle(problem_of(whole)), solve_bundle(problem_of(told))
    assert bold.sigma_scale == pytest.approx(3, rel=0.05)
    for name in ("cam1/color", "cam3/color"):
        assert bold.covariance.center_sigma_m(name) == pytest.approx(honest.covariance.center_sigma_m(name), rel=0.1)
