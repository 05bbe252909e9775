"""`humanrig board` as it is typed: what it writes, what it says, and how it refuses."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.board import Board
from capture.board_file import read_board
from capture.board_pattern import pattern_image
from humanrig.cli import main

ROOM = "--squares 9x12 --square-mm 60"


def _picture(path: Path, board: Board) -> None:
    """The flat pattern, small in a grey picture."""
    flat = (25 + 200 * pattern_image(board, 40, border=20)).astype(np.uint8)
    image = np.full((flat.shape[0] + 80, flat.shape[1] + 120), 128, np.uint8)
    image[40 : 40 + flat.shape[0], 60 : 60 + flat.shape[1]] = flat
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.GaussianBlur(image, (0, 0), 0.8))


def test_make_writes_the_pdf_and_what_describes_it(tmp_path, capsys):
    pdf = tmp_path / "new" / "board.pdf"
    assert main(["board", "make", *ROOM.split(), "--pdf", str(pdf)]) == 0
    assert pdf.read_bytes().startswith(b"%PDF")
    board = read_board(pdf.with_suffix(".toml"))
    assert (board.columns, board.rows, board.square_m, board.marker_m) == (9, 12, 0.06, 0.045)
    said = capsys.readouterr().err
    assert "Print at 100 %" in said
    assert "--squares 9x12 --square-mm 60 --marker-mm 45 --dictionary DICT_4X4_100" in said


def test_find_counts_and_draws(tmp_path, capsys):
    board = Board(columns=6, rows=5)
    _picture(tmp_path / "images" / "a.png", board)
    cv2.imwrite(str(tmp_path / "images" / "b.png"), np.full((200, 300), 90, np.uint8))
    words = ["--board", "6x5 100mm", "--out", str(tmp_path / "drawn"), "--json"]
    assert main(["board", "find", str(tmp_path / "images"), *words]) == 0
    found = json.loads(capsys.readouterr().out)["found"]
    assert [row["views"] for row in found] == [1, 0]
    assert found[0]["corners_median"] == 20
    drawn, plain = cv2.imread(str(tmp_path / "drawn" / "a.png")), cv2.imread(str(tmp_path / "images" / "a.png"))
    assert drawn is not None
    assert plain is not None
    assert (drawn != plain).any(-1).sum() > 200


def test_another_board_is_named(tmp_path, capsys):
    _picture(tmp_path / "a.png", Board(columns=7, rows=5))
    assert main(["board", "find", str(tmp_path / "a.png"), "--board", "8x6 100mm"]) == 1
    assert "7x5 squares of DICT_4X4" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("make", "needs --squares and --square-mm"),
        ("make --preset rom", "did you mean 'room'"),
        ("make --preset room --inverted", "leave the other words out"),
        ("make --squares 9 --square-mm 60", "are not columns x rows"),
        ("make --squares 9x12 --square-mm 60 --two-sided", "needs the thickness"),
        ("make --squares 9x12 --square-mm 60 --page B9", "no page 'B9'"),
        ("make --squares 9x12 --square-mm 60 --pdf board.png", "does not end in .pdf"),
        ("make --squares 9x12 --square-mm 0", "no board has these"),
        ("find nowhere --board room", "there is no nowhere"),
        ("find .", "holds no images"),
    ],
)
def test_a_slip_is_one_sentence(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["board", *words.split()]) == 1
    said = capsys.readouterr().err
    assert sentence in " ".join(said.split())
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
