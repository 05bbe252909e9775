"""Boards in files and in words: what is written is read, and a slip ends in a sentence."""

import re
from typing import Any

import pytest

from capture.board import APRILTAGS, Board
from capture.board_file import PRESETS, board_flags, describe, make_board, parse_board, read_board, write_board
from capture.errors import CaptureError

BOARDS = [*PRESETS.values(), Board(legacy=True, inverted=True, thickness_m=0.01), Board(kind="checkerboard", rows=5)]


@pytest.mark.parametrize("board", BOARDS, ids=describe)
def test_a_board_survives_its_file_and_its_flags(board, tmp_path):
    write_board(tmp_path / "recording" / "board.toml", board)
    assert read_board(tmp_path / "recording" / "board.toml") == board
    flags = dict(re.findall(r"--([a-z-]+) ?([^-]\S*)?", board_flags(board)))
    words: dict[str, Any] = {key.replace("-", "_"): value or True for key, value in flags.items()}
    for key in ("square_mm", "marker_mm", "thickness_mm"):
        if key in words:
            words[key] = float(words[key])
    made = make_board(**words)
    if board.kind == "checkerboard":
        assert (made.columns, made.rows, made.square_m) == (board.columns, board.rows, board.square_m)
    else:
        assert made == board


def test_what_is_not_said_is_what_is_printed():
    assert make_board(squares="9x12", square_mm=60.0) == PRESETS["room-large"]
    assert make_board(squares="6x6", square_mm=114.4, kind="aprilgrid") == PRESETS["kalibr"]
    assert make_board(squares="8x6", square_mm=100.0, thickness_mm=10.0).dictionary == "DICT_4X4_50"
    assert make_board(squares="9x6", square_mm=100.0, thickness_mm=10.0).dictionary == "DICT_4X4_100"


def test_words_in_any_order(tmp_path):
    assert parse_board("room") == Board()
    assert parse_board("100mm 8x6 inverted marker=75mm DICT_4X4_50") == Board(inverted=True)
    assert parse_board("aprilgrid 4x3 130mm marker=100mm").dictionary == APRILTAGS
    write_board(tmp_path / "b.toml", Board(legacy=True))
    assert parse_board(str(tmp_path / "b.toml")) == Board(legacy=True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("8x6", "lacks the side of a square"),
        ("60mm", "lacks its squares"),
        ("8x6 60mm 70mm", "a second time what square_mm is"),
        ("chruco 8x6 60mm", "did you mean 'charuco'"),
        ("8x6 60mm marker=80mm", "do not fit"),
        ("8x1 60mm", "8x1 squares has no corners"),
        ("8x6 60mm DICT_7", "no marker dictionary 'DICT_7'"),
        ("nowhere/board.toml", "there is no nowhere/board.toml"),
    ],
)
def test_words_that_describe_no_board(words, sentence):
    with pytest.raises(CaptureError, match=sentence):
        parse_board(words)


def test_a_slip_in_the_file_is_named(tmp_path):
    (tmp_path / "b.toml").write_text("colums = 8\n")
    with pytest.raises(CaptureError, match="did you mean 'columns'"):
        read_board(tmp_path / "b.toml")


@pytest.mark.parametrize("text", ["", 'kind = "checkerboard"\ncolumns = 8\nrows = 6\n', "columns = 8\nrows = 6\n"])
def test_a_file_that_does_not_say_the_size_is_refused(tmp_path, text):
    """No default: squares of 100 mm that are 60 mm would make the whole rig larger."""
    (tmp_path / "b.toml").write_text(text)
    with pytest.raises(CaptureError, match=r"square_m.* of the board is not said"):
        read_board(tmp_path / "b.toml")
