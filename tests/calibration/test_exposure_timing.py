"""Corners are moved to where they were at the instant; the timing itself is found in the bundle (its own tests)."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.board_view import BoardView
from calibration.timing.exposure_timing import ExposureTiming, at_the_instant
from capture.board import Board
from geometry.camera import Camera
from geometry.rigid import look_at, transform

K = np.array([[600.0, 0, 639.5], [0, 600.0, 359.5], [0, 0, 1]])
EYE = np.array([-1.5, 0.2, 1.2])
CAMERA = Camera(name="a/color", K=K, width=1280, height=720, T_world_camera=look_at(EYE, np.array([0, 0, 1.0])))
TIMING = ExposureTiming(offset_s=0.002, readout_s=0.02)


def _view(velocity_m_s: np.ndarray) -> tuple[BoardView, np.ndarray]:
    """A board that moves, each row seen when it was exposed, and where its corners were at the instant."""
    board = Board()
    T = look_at(np.array([-1.5, 0, 1.1]), np.zeros(3))
    T[:3, 3] = -T[:3, :3] @ board.middle + [0, 0, 1]
    p = transform(T, board.corners)
    still = CAMERA.project(p)
    ahead, behind = (CAMERA.project(p + t * velocity_m_s) for t in (0.005, -0.005))
    q = CAMERA.project(p + TIMING.delay_s(still, CAMERA.height)[:, None] * velocity_m_s)
    return BoardView(camera="a/color", instant=0, ids=np.arange(len(q)), q=q, velocity=(ahead - behind) / 0.01), still


def test_corners_come_back_to_the_instant():
    view, still = _view(np.array([0.1, 0.4, -0.3]))
    assert np.abs(view.q - still).max() > 0.5
    (moved,) = at_the_instant([view], {"a/color": TIMING}, {"a/color": CAMERA})
    # The row of a corner moves with it: 0.5 px of 720, 14 us, at 250 px a second.
    assert np.abs(moved.q - still).max() < 0.01


def test_the_middle_row_is_exposed_at_the_offset_and_rows_one_after_another():
    q = np.array([[0.0, -0.5], [0.0, 359.5], [0.0, 719.5]])
    assert TIMING.delay_s(q, 720) == pytest.approx([-0.008, 0.002, 0.012])


def test_views_of_unknown_velocity_or_timing_stay_as_they_are():
    unknown = BoardView(camera="a/color", instant=0, ids=np.arange(2), q=np.array([[10.0, 20], [30, 40]]))
    other = BoardView(camera="b/color", instant=0, ids=unknown.ids, q=unknown.q, velocity=np.ones((2, 2)))
    assert at_the_instant([unknown, other], {"a/color": TIMING}, {"a/color": CAMERA}) == (unknown, other)
