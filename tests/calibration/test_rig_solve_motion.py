"""A board that moves between seldom pictures: what is not known of its motion is said, and widens the sigmas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.board_view import BoardTake, BoardView
from calibration.rig_solve.usable_views import UNSEEN_MOTION_S, usable_views
from capture.board import Board
from geometry.camera import Camera

BOARD = Board()
CAMERA = Camera(name="a/color", K=np.array([[600.0, 0, 640], [0, 600, 360], [0, 0, 1]]), width=1280, height=720)
Q = BOARD.corners[:, :2] * 500 + 100


def _take(px_s: float, seconds: float) -> BoardTake:
    """A board that slides across an image, pictured every so often."""
    views = tuple(
        BoardView(camera="a/color", instant=n, ids=np.arange(len(Q)), q=Q + [px_s * seconds * n, 0.0], sigma_px=0.05)
        for n in range(8)
    )
    times = {n: round(1e6 * seconds * n) for n in range(8)}
    return BoardTake(board=BOARD, views=views, image_sizes={"a/color": (1280, 720)}, time_us=times)


def test_a_board_in_motion_at_five_hertz_is_doubted_and_trusted_less():
    usable = usable_views(_take(80.0, 0.2), {"a/color": CAMERA}, 6)
    assert [v.text for v in usable.verdicts if not v.good] == [
        "the board moved by 80 px a second, too seldom pictured to tell where it was while the shutters were open: "
        "record it at 10 Hz or more, or hold it still"
    ]
    assert usable.take.views[0].sigma_px == pytest.approx(np.hypot(0.05, 80 * UNSEEN_MOTION_S))


@pytest.mark.parametrize(("px_s", "seconds"), [(3.0, 0.2), (40.0, 2.0)])
def test_a_still_board_and_single_pictures_are_not(px_s, seconds):
    """Two seconds apart the board may have been carried elsewhere and held still."""
    usable = usable_views(_take(px_s, seconds), {"a/color": CAMERA}, 6)
    assert usable.verdicts == ()
    assert usable.take.views[0].sigma_px == pytest.approx(0.05, rel=0.1)


def test_known_speeds_need_no_guess():
    take = _take(80.0, 0.1)
    take = take.with_views([replace(v, velocity=np.tile([80.0, 0.0], (len(v.q), 1))) for v in take.views])
    assert usable_views(take, {"a/color": CAMERA}, 6).verdicts == ()
