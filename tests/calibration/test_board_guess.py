"""A board that was described wrongly is named as it is."""

from dataclasses import replace

import numpy as np
import pytest
from drawn_boards import CAMERA, drawn, placed

from calibration.boards.guess import explain, guess_board
from capture.board import APRILTAGS, Board

ROOM = Board(columns=9, rows=6, square_m=0.08, marker_m=0.06, dictionary="DICT_5X5_250")
SMALL = replace(CAMERA, K=CAMERA.K * [[0.75, 1, 0.75], [1, 0.75, 0.75], [1, 1, 1]], width=960, height=540)
CASES = {
    "other dictionary": (ROOM, Board(columns=9, rows=6, square_m=0.08, marker_m=0.06)),
    "turned": (ROOM, replace(ROOM, columns=6, rows=9)),
    "legacy": (replace(ROOM, legacy=True), ROOM),
    "not legacy": (ROOM, replace(ROOM, legacy=True)),
    "inverted": (replace(ROOM, inverted=True), ROOM),
    "aprilgrid": (
        Board(kind="aprilgrid", columns=6, rows=4, square_m=0.115, marker_m=0.0885, dictionary=APRILTAGS),
        ROOM,
    ),
    "checkerboard": (Board(kind="checkerboard", columns=9, rows=6, square_m=0.08), ROOM),
}


def _pictures(board: Board) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    turns = [(0.1, 0.2, 0.1), (-0.3, 0.25, -0.2)]
    return [drawn(board, placed(board, turn, 1.15), SMALL, rng=rng) for turn in turns]


SLOW = ("aprilgrid", "checkerboard")  # every dictionary is tried


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in CASES])
def test_the_board_in_the_pictures_is_named(name):
    real, described = CASES[name]
    first = guess_board(_pictures(real), described)[0]
    assert not first.mirrored
    for key in ("kind", "columns", "rows", "inverted"):
        assert getattr(first.board, key) == getattr(real, key)
    if real.kind != "checkerboard":
        assert first.board.dictionary.rsplit("_", 1)[0] == real.dictionary.rsplit("_", 1)[0]
        assert first.board.first_is_black == real.first_is_black
        assert first.board.marker_m / first.board.square_m == pytest.approx(real.marker_m / real.square_m, rel=0.05)
    assert first.text.startswith("this looks like a")
    assert f"--squares {real.columns}x{real.rows}" in first.text


@pytest.mark.slow
def test_a_mirrored_print_is_told():
    pictures = [np.ascontiguousarray(picture[:, ::-1]) for picture in _pictures(ROOM)]
    first = guess_board(pictures, ROOM)[0]
    assert first.mirrored
    assert (first.board.columns, first.board.rows) == (9, 6)
    assert "switch the mirroring off" in first.text


def test_the_right_description_is_said_to_be_right():
    assert "that was described" in explain(guess_board(_pictures(ROOM), ROOM), ROOM)


def test_an_empty_room_shows_nothing():
    empty = np.random.default_rng(0).integers(0, 255, (270, 480)).astype(np.uint8)
    assert guess_board([empty], ROOM) == ()
    assert guess_board([], ROOM) == ()
    assert "is the board in the picture" in explain((), ROOM)
