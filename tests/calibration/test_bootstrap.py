"""A rig found from a moving person's keypoints, against cameras that the solver never saw."""

from dataclasses import replace

import numpy as np
import pytest
from bootstrap_person import HEIGHT_M, detect, errors, ring, walk
from scipy.spatial.transform import Rotation

from calibration.bootstrap.adjust import Placed, adjust
from calibration.bootstrap.metric import DepthScale, Height, Scale
from calibration.bootstrap.people import keypoints_of_subject
from calibration.bootstrap.sides import on_grid
from calibration.bootstrap.solve import BootstrapOptions, bootstrap_rig, solve_bootstrap
from calibration.bootstrap.start import Start
from calibration.bootstrap.upright import Upright
from calibration.bootstrap.verdicts import verdicts_on
from calibration.errors import CalibrationError


def unplaced(cameras):
    return {name: camera.at(np.eye(4)) for name, camera in cameras.items()}


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(4)
    cameras = ring(4, rng)
    return cameras, walk(45, rng), rng


@pytest.fixture(scope="module")
def solved(scene):
    cameras, person, _ = scene
    keypoints = detect(person, cameras, np.random.default_rng(1), flipped=["cam1/color"])
    return solve_bootstrap(keypoints, unplaced(cameras), scale=Height(m=HEIGHT_M))


def test_cameras_are_found_with_their_world(scene, solved):
    cameras = scene[0]
    turns, shifts, size = errors(solved.calibration.cameras, cameras)
    # 2 px at 620 px over 60 instants of 19 joints: hundredths of a degree; a wrong start is degrees off
    assert turns.max() < 0.15
    assert shifts.max() < 12
    assert abs(size - 1) < 0.02  # the figure has the stature's own proportions
    # heights above the floor and the vertical need no alignment
    for name, camera in solved.calibration.cameras.items():
        assert camera.center[2] == pytest.approx(cameras[name].center[2], abs=0.06)
    up = np.mean(
        [cameras[n].T_world_camera[:3, :3] @ c.T_world_camera[:3, :3].T for n, c in solved.calibration.cameras.items()],
        0,
    )
    assert np.rad2deg(np.arccos(up[2, 2])) < 1.5
    assert not solved.unsolved


def test_a_camera_that_is_not_sure_is_doubtful(solved):
    start = object.__new__(Start)  # no pairs: nothing to name as the weakest
    object.__setattr__(start, "pairs", ())
    object.__setattr__(start, "tree", ())
    covariance, cameras = solved.calibration.covariance, solved.calibration.cameras
    vague = replace(covariance, matrix=1e4 * covariance.matrix)
    scale, turned = Scale(factor=1.0, sigma=0.02, text=""), Upright(T_upright_world=np.eye(4), sigma=0.01, text="")
    told = verdicts_on(
        vague.cameras, start, vague, cameras, dict.fromkeys(cameras, 1.0), {}, scale, turned, np.zeros((3, 2, 3))
    )
    doubted = {verdict.subject for verdict in told if not verdict.good}
    assert set(vague.cameras) <= doubted
    assert {type(verdict.good) for verdict in told} == {bool}  # a file of JSON holds no other


def test_exchanged_sides_are_seen(solved):
    by_camera = solved.exchanged.mean((0, 2))
    assert by_camera[1] == pytest.approx(1 / 3, abs=0.05)
    assert by_camera[[0, 2, 3]].max() < 0.03


def test_the_jacobian_is_that_of_the_cost(scene):
    cameras = scene[0]
    few = walk(6, np.random.default_rng(0))
    keypoints = detect(few, cameras, np.random.default_rng(2), wrong=0.0)
    f = np.full(4, 620.0)
    m = np.stack([620 * camera.normalize(keypoints.q[:, c]) for c, camera in enumerate(cameras.values())], 1)
    sightings = on_grid(m, keypoints.sigma, f)
    rng = np.random.default_rng(3)
    placed = Placed(
        R_camera_world=np.stack([c.T_camera_world[:3, :3] for c in cameras.values()]),
        center=np.stack([c.center for c in cameras.values()]),
        log_focal=np.zeros(4),
        p_world=few.reshape(-1, 3) + 0.01 * rng.standard_normal((few.shape[0] * few.shape[1], 3)),
    )
    free = np.full(4, 0.1)
    at_minimum = adjust(sightings, placed, kernel=3.0, focal_sigma=free)
    again = adjust(sightings, at_minimum.placed, kernel=3.0, iterations=0, focal_sigma=free)
    for number in (0, 4, 6, 9, 13):
        step = 1e-3 if number % 7 < 6 else 3e-3
        moved = []
        for sign in (-1, 1):
            state = at_minimum.placed
            R, center, focal = state.R_camera_world.copy(), state.center.copy(), state.log_focal.copy()
            c, n = divmod(number, 7)
            w = np.zeros(3)
            if n < 3:
                w[n] = sign * step
                R[c] = Rotation.from_rotvec(-w).as_matrix() @ R[c]
            elif n < 6:
                center[c, n - 3] += sign * step
            else:
                focal[c] += sign * step
            moved.append(
                adjust(
                    sightings,
                    replace(state, R_camera_world=R, center=center, log_focal=focal),
                    iterations=0,
                    kernel=3.0,
                    focal_sigma=free,
                )
            )
        # curvature with the points held is not less than that with the points eliminated
        curvature = (moved[0].cost + moved[1].cost - 2 * again.cost) / step**2
        assert curvature > 0.5 * again.information[number, number]
        assert abs(moved[1].cost - moved[0].cost) < 0.05 * (moved[0].cost + moved[1].cost - 2 * again.cost)


@pytest.mark.slow
def test_unknown_focal_lengths_are_found(scene):
    cameras, person, _ = scene
    keypoints = detect(person, cameras, np.random.default_rng(5), noise_px=1.0, wrong=0.02)
    wrong = {
        n: replace(c, K=np.array([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]]), T_world_camera=np.eye(4))
        for n, c in cameras.items()
    }
    rig = bootstrap_rig(
        keypoints, wrong, scale=Height(m=HEIGHT_M), options=BootstrapOptions(focal="shared", instants=40)
    )
    focal = [c.K[0, 0] for c in rig.cameras.values()]
    assert np.ptp(focal) < 1e-9
    # the lens is then taken as free of distortion, which this one is not: 8 % at the corners
    assert focal[0] == pytest.approx(620, rel=0.06)
    assert errors(rig.cameras, cameras)[0].max() < 1.5


def test_depth_gives_the_scale(scene):
    cameras, person, _ = scene
    keypoints = detect(person, cameras, np.random.default_rng(6))
    z = np.stack([(person - c.center) @ c.T_world_camera[:3, 2] for c in cameras.values()], 1)
    z_m = z - 0.07 + 0.01 * np.random.default_rng(7).standard_normal(z.shape)
    z_m[np.random.default_rng(8).uniform(size=z.shape) < 0.2] += 0.8  # the wall behind
    rig = bootstrap_rig(keypoints, unplaced(cameras), scale=DepthScale(z_m=z_m), options=BootstrapOptions(instants=20))
    assert abs(errors(rig.cameras, cameras)[2] - 1) < 0.012  # 1 cm of the joints' own depth at 3 m, three times


def test_a_camera_that_saw_nobody_is_named_and_the_rest_is_solved(scene):
    cameras, person, _ = scene
    keypoints = detect(person, cameras, np.random.default_rng(9))
    keypoints.q[:, 2] = np.nan
    solved = solve_bootstrap(
        keypoints, unplaced(cameras), scale=Height(m=HEIGHT_M), options=BootstrapOptions(instants=20)
    )
    assert list(solved.unsolved) == ["cam2/color"]
    assert any(v.subject == "cam2/color" and not v.good for v in solved.calibration.verdicts)
    assert errors(solved.calibration.cameras, cameras)[0].max() < 0.3


@pytest.mark.slow
def test_a_camera_that_follows_somebody_else_is_left_out(scene):
    cameras, person, _ = scene
    keypoints = detect(person, cameras, np.random.default_rng(9))
    other = detect(person[::-1] @ np.diag([-1.0, -1, 1]) + [0.3, 0.2, 0], cameras, np.random.default_rng(8))
    keypoints.q[:, 2] = other.q[:, 2]
    solved = solve_bootstrap(
        keypoints, unplaced(cameras), scale=Height(m=HEIGHT_M), options=BootstrapOptions(instants=20)
    )
    assert "follows another person" in solved.unsolved["cam2/color"]
    assert errors(solved.calibration.cameras, cameras)[0].max() < 0.4


def test_the_subject_is_told_from_a_bystander(scene):
    cameras, person, _ = scene
    one = detect(person, cameras, np.random.default_rng(9), wrong=0.0)
    away = 0.4 * one.q + 100.0  # smaller, somewhere else
    q = np.stack([one.q, away], 2)
    swapped = np.random.default_rng(1).uniform(size=len(q)) < 0.4  # the detector's order means nothing
    q[swapped] = q[swapped][:, :, ::-1]
    q[7, 1] = np.nan
    found = keypoints_of_subject(one.names, one.cameras, q, np.where(np.isfinite(q[..., 0]), 0.9, 0.0))
    np.testing.assert_array_equal(np.delete(found.q[:, 1], 7, 0), np.delete(one.q[:, 1], 7, 0))
    np.testing.assert_array_equal(found.q[:, 0], one.q[:, 0])
    assert np.isnan(found.q[7, 1]).all()
    assert np.isnan(found.sigma[7, 1]).all()


def test_bad_input_is_refused_in_one_sentence(scene):
    cameras, person, _ = scene
    keypoints = detect(person[:8], cameras, np.random.default_rng(9))
    with pytest.raises(CalibrationError, match="no lens is known of cam3/color"):
        bootstrap_rig(keypoints, {n: c for n, c in cameras.items() if n != "cam3/color"}, scale=Height(m=1.8))
    with pytest.raises(CalibrationError, match="a person of 180 m"):
        Height(m=180.0)
    keypoints.q[:, 1:] = np.nan
    with pytest.raises(CalibrationError, match="no two cameras share enough keypoints"):
        bootstrap_rig(keypoints, cameras, scale=Height(m=1.8))
