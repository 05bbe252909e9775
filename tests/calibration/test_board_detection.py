"""Boards of every kind in drawn pictures: which corners are found, and how near to where they are."""

import numpy as np
import pytest
from drawn_boards import drawn, placed, true_corners

from calibration.boards.detection import BoardDetector
from calibration.errors import CalibrationError
from capture.board import APRILTAGS, Board

BOARDS = {
    "charuco": Board(),
    "legacy": Board(legacy=True),
    "inverted": Board(inverted=True),
    "checkerboard": Board(kind="checkerboard", rows=5),
    "inverted_checkerboard": Board(kind="checkerboard", rows=5, inverted=True),
    "aprilgrid": Board(kind="aprilgrid", columns=6, rows=5, square_m=0.114, marker_m=0.088, dictionary=APRILTAGS),
}
TURNS = [(0.1, 0.05, 0.2), (0.5, -0.3, -0.4), (-0.4, 0.55, 3.0)]


@pytest.mark.parametrize("name", BOARDS)
def test_corners_are_found_where_they_are(name):
    board, rng = BOARDS[name], np.random.default_rng(3)
    errors, asked = [], 0
    for turn in TURNS:
        T = placed(board, turn, 1.6)
        truth = true_corners(board, T)
        view = BoardDetector(board).detect(drawn(board, T, rng=rng), camera="drawn/color", instant=4)
        inside = ((truth > 12) & (truth < [1268, 708])).all(-1)
        asked += inside.sum()
        if view is not None:
            assert (view.camera, view.instant) == ("drawn/color", 4)
            assert (np.diff(view.ids) > 0).all()
            errors.append(view.q - truth[view.ids])
    found = np.concatenate(errors)
    assert len(found) > 0.6 * asked
    # cornerSubPix itself: 0.04 px per axis on these pictures; a wrong corner is many pixels away
    assert np.sqrt(np.square(found).mean()) < 0.1
    assert np.abs(found).max() < 2.0


def test_each_side_of_a_two_sided_board_is_told_apart():
    board, rng = Board(thickness_m=0.012), np.random.default_rng(4)
    for side in (0, 1):
        T = placed(board, (0.3, -0.2, 0.1), 1.5, side)
        view = BoardDetector(board).detect(drawn(board, T, side=side, rng=rng), camera="c/color", instant=0)
        assert view is not None
        assert set(view.ids // board.corners_per_side) == {side}
        assert np.abs(view.q - true_corners(board, T)[view.ids]).max() < 0.3


def test_nothing_is_found_where_nothing_is():
    empty = np.random.default_rng(0).integers(0, 255, (240, 320)).astype(np.uint8)
    for board in BOARDS.values():
        assert BoardDetector(board).detect(empty, camera="c/color", instant=0) is None


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(CalibrationError, match="looks the same upside down"):
        BoardDetector(Board(kind="checkerboard", columns=8, rows=6))
    with pytest.raises(CalibrationError, match="float64"):
        BoardDetector(Board()).detect(np.zeros((4, 4)), camera="c/color", instant=0)
