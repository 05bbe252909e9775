"""Infrared images of the virtual rig, and what its devices say of themselves before anybody calibrated it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from capture.virtual.board import board_take
from capture.virtual.config import SimulationConfig
from capture.virtual.rig import build_rig, delivered_rig
from capture.virtual.simulate import simulate
from capture.virtual.truth import Truth
from geometry.rigid import inverse, rotation_angle, transform

CONFIG = SimulationConfig(
    scenario="board", cameras=2, seconds=0.1, rate_hz=10, infrared=True, factory_error=1.0, placed=False
)


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    thing, motion = board_take(CONFIG)
    session = simulate(tmp_path_factory.mktemp("take") / "board", CONFIG, things=[thing], workers=1)
    return session, motion


@pytest.mark.slow
def test_infrared_shows_the_board_where_the_depth_camera_sees_it(take):
    session, motion = take
    camera = Truth.open(session).cameras()["kinect_000/depth"]
    image = session.frame("kinect_000/ir", 0).payload
    assert image.shape == (camera.height, camera.width)
    assert image.dtype == np.uint16
    q = camera.project(transform(motion.T_world_board[0], motion.board.corners)).astype(np.float32)
    assert np.isfinite(q).all()
    grey = cv2.convertScaleAbs(image, alpha=255 / np.percentile(image, 99.5))
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-3)
    found = cv2.cornerSubPix(grey, q[:, None].copy(), (4, 4), (-1, -1), criteria)[:, 0]
    # The board is carried at 0.45 m/s, the first instant at rest: noise of 10 counts on steps of 100 moves corners by
    # a few tenths of a pixel; a camera off by half a pixel would show.
    assert np.abs(np.median(found - q, axis=0)).max() < 0.15
    assert session.stream("kinect_000/ir").kind == "ir"
    assert session.stream("kinect_001/ir").delay_us == session.stream("kinect_001/depth").delay_us == 160


@pytest.mark.slow
def test_unplaced_devices_bring_their_factory_calibration_alone(take):
    session, _ = take
    recorded, truth = session.recorded_camera_file(), Truth.open(session).cameras()
    assert recorded.unplaced == frozenset(truth)
    for device in ("kinect_000", "kinect_001"):
        depth, color = recorded.cameras[f"{device}/depth"], recorded.cameras[f"{device}/color"]
        true_depth, true_color = truth[f"{device}/depth"], truth[f"{device}/color"]
        assert np.array_equal(depth.T_world_camera, np.eye(4))
        off = color.T_world_camera @ inverse(true_depth.T_camera_world @ true_color.T_world_camera)
        assert 0 < np.rad2deg(rotation_angle(off)) < 0.3
        assert 0 < np.linalg.norm(off[:3, 3]) < 3e-3
        assert 0 < abs(color.K[0, 0] / true_color.K[0, 0] - 1) < 0.01


def test_without_factory_error_devices_know_their_cameras():
    exact = SimulationConfig(cameras=3)
    for device, delivered in zip(build_rig(exact), delivered_rig(exact)):
        for a, b in ((device.color, delivered.color), (device.depth, delivered.depth)):
            assert np.array_equal(a.K, b.K)
            assert np.array_equal(a.distortion, b.distortion)
            np.testing.assert_allclose(a.T_world_camera, b.T_world_camera, atol=1e-12)
