"""Which board a take shows: from rig.toml into the take, and from words."""

from dataclasses import replace
from pathlib import Path

import pytest
from small_rig import small_session

from capture.board import Board
from capture.board_file import BOARD_FILE, read_board, write_board
from capture.errors import CaptureError
from capture.rig.rig_file import read_rig
from capture.session import Session
from humanrig.calibrating.described_board import BoardWords, described_board
from humanrig.cli import main
from humanrig.errors import HumanrigError

BOARD = Board(columns=9, rows=12, square_m=0.06, marker_m=0.045, dictionary="DICT_4X4_100")
RIG = '[virtual]\nsession = "played"\n'


def rig_with(tmp_path, text):
    path = tmp_path / "rig.toml"
    path.write_text(RIG + text)
    return path


def test_a_rig_names_its_board_by_a_file_or_by_itself(tmp_path):
    write_board(tmp_path / "board.toml", BOARD)
    assert read_rig(rig_with(tmp_path, '[board]\nfile = "board.toml"\n')).board == BOARD
    checkerboard = '[board]\nkind = "checkerboard"\ncolumns = 7\nrows = 5\nsquare_m = 0.1\n'
    assert read_rig(rig_with(tmp_path, checkerboard)).board == replace(Board(), kind="checkerboard", columns=7, rows=5)
    assert read_rig(rig_with(tmp_path, "")).board is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[board]\ncolums = 7\n", "columns"),
        ("[board]\ncolumns = 7\nrows = 5\n", "square_m, marker_m, dictionary of the board is not said"),
        ('[board]\nfile = "gone.toml"\n', "gone.toml"),
        ("[board]\nfile = 3\n", "quotes"),
        ("board = 3\n", r"\[board\]"),
    ],
)
def test_a_wrong_board_ends_in_one_sentence(tmp_path, text, said):
    path = tmp_path / "rig.toml"
    path.write_text(text + RIG)
    with pytest.raises(CaptureError, match=said):
        read_rig(path)


def test_words_go_before_the_take(tmp_path):
    session = Session.create(tmp_path / "take", streams=[], origin="test")
    with pytest.raises(HumanrigError, match="does not say which board"):
        described_board(session, BoardWords())
    write_board(session.path(*BOARD_FILE), BOARD)
    assert described_board(session, BoardWords()) == (BOARD, "recording/board.toml")
    assert described_board(session, BoardWords(board="room"))[0] == Board()
    assert described_board(session, BoardWords(squares="9x12", square_mm=60.0)) == (BOARD, "the command line")
    said, where = described_board(session, BoardWords(squares="9x12", square_mm=60.0, kind="checkerboard"))
    assert (said.kind, said.columns, said.square_m, where) == ("checkerboard", 9, 0.06, "the command line")


@pytest.mark.slow
def test_a_board_take_of_a_rig_says_its_board(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    played = small_session(tmp_path / "played", devices=2, frames=60)
    write_board(played.joinpath(*BOARD_FILE), BOARD)
    day = tmp_path / "day"
    day.mkdir()
    monkeypatch.chdir(day)
    assert main(["rig", "init", "--virtual", "../played"]) == 0  # a played take of a board brings the board along
    assert read_rig(Path("rig.toml")).board == BOARD
    main(["capture", "board", "--kind", "board", "--seconds", "1", "--countdown", "0"])
    assert read_board(Path("board").joinpath(*BOARD_FILE)) == BOARD
    main(["capture", "room", "--kind", "background", "--seconds", "1", "--countdown", "0"])
    assert not Path("room").joinpath(*BOARD_FILE).exists()


def test_a_measure_of_nothing_is_said_and_not_left_out():
    """A marker of 0 mm is no marker; it is not the one that belongs to the square."""
    words = BoardWords(squares="9x12", square_mm=60.0, marker_mm=0.0)
    assert words.flags["marker_mm"] == 0
    assert not BoardWords(thickness_mm=0.0).given
