"""Rolling shutters and offsets are read off a moving board."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardView
from calibration.bundle.problem import BundleProblem, CameraStart, IntrinsicsPrior, intrinsics_of
from calibration.bundle.solve import solve_bundle
from calibration.timing.exposure_timing import ExposureTiming, at_the_instant, fit_timing
from capture.board import Board
from geometry.camera import Camera
from geometry.rigid import look_at, rigid, transform

BOARD = Board()
SIGMA_PX = 0.1
BEFORE_THEM = np.array([0, 0, 1.0])
K = np.array([[600.0, 0, 639.5], [0, 600.0, 359.5], [0, 0, 1]])
TIMINGS = {
    "a/color": ExposureTiming(offset_s=0.0, readout_s=0.02),
    "b/color": ExposureTiming(offset_s=0.002, readout_s=0.02),
    "c/depth": ExposureTiming(offset_s=-0.001),
}


def _cameras():
    places = zip(TIMINGS, [(-1.5, -0.8, 1.2), (-1.5, 0.8, 1.3), (-1.6, 0.0, 1.0)])
    return {
        name: Camera(
            name=name, K=K, width=1280, height=720, T_world_camera=look_at(np.array(eye), np.array([0, 0, 1.0]))
        )
        for name, eye in places
    }


def _views(cameras, rng, speed=0.4, instants=25):
    """Views of a board in free motion, each row seen when it was exposed."""
    views, places = [], {}
    for instant in range(instants):
        R = (
            look_at(np.array([-1.5, 0, 1.1]), np.zeros(3))[:3, :3]
            @ Rotation.from_rotvec(rng.normal(0, 0.35, 3)).as_matrix()
        )
        middle = np.array([0, 0, 1.0]) + rng.uniform(-0.3, 0.3, 3)
        T = rigid(R, middle - R @ BOARD.middle)
        p, (v, w) = transform(T, BOARD.corners), rng.normal(0, speed, (2, 3))
        p_velocity = v + np.cross(w, p - T[:3, 3])
        places[instant] = T
        for name, camera in cameras.items():
            ahead, still, behind = (camera.project(p + t * p_velocity) for t in (0.1, 0.0, -0.1))
            q = camera.project(p + TIMINGS[name].delay_s(still, camera.height)[:, None] * p_velocity)
            views.append(
                BoardView(
                    camera=name,
                    instant=instant,
                    ids=np.arange(len(q)),
                    q=q + rng.normal(0, SIGMA_PX, q.shape),
                    velocity=(ahead - behind) / 0.2,
                    sigma_px=SIGMA_PX,
                )
            )
    return tuple(views), places


def _solve(views, cameras, places):
    starts = {
        name: CameraStart(camera=c, prior=IntrinsicsPrior(mean=intrinsics_of(c), sigma=np.zeros(12)))
        for name, c in cameras.items()
    }
    return solve_bundle(BundleProblem(corners=BOARD.corners, views=views, cameras=starts, T_world_board=places))


def test_offsets_and_readouts_come_back():
    cameras = _cameras()
    views, places = _views(cameras, np.random.default_rng(1))
    timings, corrected = {}, views
    for _ in range(2):
        timings = fit_timing(corrected, _solve(corrected, cameras, places), BOARD.corners, timings)
        corrected = at_the_instant(views, timings, cameras)
    common = np.mean([timings[n].offset_s - TIMINGS[n].offset_s for n in TIMINGS])
    for name, truth in TIMINGS.items():
        # 2600 corners at 0.1 px against some 150 px/s: 0.1 ms, and the curvature of the path in 10 ms.
        assert timings[name].readout_s == pytest.approx(truth.readout_s, abs=5e-4)
        assert timings[name].offset_s - common == pytest.approx(truth.offset_s, abs=3e-4)
        assert timings[name].readout_sigma_s < 5e-4
    before, after = _solve(views, cameras, places), _solve(corrected, cameras, places)
    assert before.rms_px > 2 * SIGMA_PX
    assert after.rms_px < 1.2 * SIGMA_PX


def test_a_still_board_says_nothing_and_changes_nothing():
    cameras = _cameras()
    views, places = _views(cameras, np.random.default_rng(2), speed=1e-4, instants=10)
    timings = fit_timing(views, _solve(views, cameras, places), BOARD.corners)
    assert all(t.offset_s == 0 and t.readout_s == 0 for t in timings.values())
    for view, same in zip(views, at_the_instant(views, timings, cameras)):
        assert np.array_equal(view.q, same.q)


def test_views_of_unknown_velocity_stay_as_they_are():
    cameras = _cameras()
    view = BoardView(camera="a/color", instant=0, ids=np.arange(2), q=np.array([[10.0, 20], [30, 40]]))
    (same,) = at_the_instant([view], TIMINGS, cameras)
    assert same is view
    views, places = _views(cameras, np.random.default_rng(3), instants=3)
    assert fit_timing([view], _solve(views, cameras, places), BOARD.corners) == {}
