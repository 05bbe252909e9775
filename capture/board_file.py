"""board.toml, which says what board a take shows, and the words for a board on a command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import TypeAdapter, ValidationError

from capture.board import APRILTAGS, Board, BoardKind, marker_dictionary
from capture.errors import CaptureError
from capture.rig.toml_tables import checked, meant, read_toml

BOARD_FILE = ("recording", "board.toml")
"""In a session: what board its take shows."""
MARKER_PART = 0.75
"""Side of a ChArUco marker as a part of its square, where nobody says it: the margin is wide enough for the corners."""
TAG_PART = 1 / 1.3
"""The same of an AprilGrid: Kalibr's spacing of 0.3 tags."""
MEASURES = ("columns", "rows", "square_m", "marker_m", "dictionary")
"""What a board in a file must say; of a checkerboard the first three."""
PRESETS: dict[str, Board] = {
    "room": Board(),
    "room-large": Board(columns=9, rows=12, square_m=0.06, marker_m=0.045, dictionary="DICT_4X4_100"),
    "a3": Board(columns=8, rows=5, square_m=0.045, marker_m=0.034),
    "a4": Board(columns=7, rows=5, square_m=0.033, marker_m=0.025),
    "kalibr": Board(kind="aprilgrid", columns=6, rows=6, square_m=0.1144, marker_m=0.088, dictionary=APRILTAGS),
    "azure-kinect": Board(columns=14, rows=9, square_m=0.04, marker_m=0.03, dictionary="DICT_5X5_250"),
}
"""Boards with a name: for a ring of 2 to 3 m, on sheets of A0 and A1; for paper on a desk; Kalibr's own 6x6 grid; that
in the examples of the Azure Kinect SDK."""


def read_board(path: Path) -> Board:
    """The board of a board.toml. Raises CaptureError, one sentence with the next step, when it is missing or wrong."""
    values = read_toml(Path(path), missing="humanrig board make writes one, or give --squares 9x12 --square-mm 60")
    return board_of_table(values, str(path))


def board_of_table(values: Mapping[str, Any], where: str, *, besides: Iterable[str] = ()) -> Board:
    """The board of a table at `where`. Raises CaptureError as `checked` does, and where a measure is missing: a board
    that was guessed would give a rig of another size."""
    board = checked(Board, values, where, besides=besides)
    needed = MEASURES[:3] if board.kind == "checkerboard" else MEASURES
    if missing := [key for key in needed if key not in values]:
        raise CaptureError(
            f"{where}: {', '.join(missing)} of the board is not said; humanrig board make writes a board.toml with all"
        )
    return board


def write_board(path: Path, board: Board) -> None:
    """Writes a board.toml that `read_board` reads; the file appears whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    head = f"# {describe(board)}\n# humanrig {board_flags(board)}\n"
    partial.write_text(head + tomli_w.dumps(board.values()), "utf-8")
    os.replace(partial, path)


def make_board(
    *,
    squares: str,
    square_mm: float,
    kind: BoardKind = "charuco",
    marker_mm: float | None = None,
    dictionary: str | None = None,
    legacy: bool = False,
    inverted: bool = False,
    thickness_mm: float = 0.0,
) -> Board:
    """The board of words: `squares` is columns x rows, such as 9x12; of an AprilGrid both count tags.

    What is left out is what `humanrig board make` prints: markers of three quarters of a square, from the smallest
    4x4 dictionary that has enough. Raises CaptureError, in a sentence, for words that describe no board.
    """
    count = re.fullmatch(r"\s*(\d{1,3})\s*[xX×]\s*(\d{1,3})\s*", squares)
    if not count:
        raise CaptureError(f"squares '{squares}' are not columns x rows; write them as 9x12")
    columns, rows = int(count[1]), int(count[2])
    part = TAG_PART if kind == "aprilgrid" else MARKER_PART
    marker_mm = part * square_mm if marker_mm is None else marker_mm
    values: dict[str, Any] = {
        "kind": kind,
        "columns": columns,
        "rows": rows,
        "square_m": round(square_mm / 1000, 9),
        "marker_m": round(marker_mm / 1000, 9),
        "dictionary": dictionary or _smallest_dictionary(kind, columns * rows, 2 if thickness_mm else 1),
        "legacy": legacy,
        "inverted": inverted,
        "thickness_m": round(thickness_mm / 1000, 9),
    }
    try:
        return TypeAdapter(Board).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise CaptureError(f"the board's {key} = {first['input']!r} cannot be used: {first['msg']}") from None


def parse_board(words: str) -> Board:
    """A board from one text: a preset's name, the path of a board.toml, or words in any order.

    Words: `9x12`, `60mm` (the square), `marker=45mm`, a kind, a dictionary's name, `legacy`, `inverted`,
    `thickness=10mm` (two-sided). Raises CaptureError, in a sentence, for anything else.
    """
    text = words.strip()
    if text in PRESETS:
        return PRESETS[text]
    if text.endswith(".toml"):
        return read_board(Path(text))
    given: dict[str, Any] = {}
    for word in text.split():
        key, value = _word(word, text)
        if key in given:
            raise CaptureError(f"board '{text}': '{word}' says a second time what {key} is; leave one out")
        given[key] = value
    if missing := {"squares", "square_mm"} - given.keys():
        lacks = "its squares (9x12)" if "squares" in missing else "the side of a square (60mm)"
        raise CaptureError(f"board '{text}' lacks {lacks}; or name a preset: {', '.join(PRESETS)}")
    return make_board(**given)


def _word(word: str, text: str) -> tuple[str, Any]:
    if re.fullmatch(r"\d+[xX×]\d+", word):
        return "squares", word
    if length := re.fullmatch(r"(?:(square|marker|thickness)=)?(\d+(?:\.\d*)?)mm", word):
        return f"{length[1] or 'square'}_mm", float(length[2])
    if word in ("charuco", "checkerboard", "aprilgrid"):
        return "kind", word
    if word in ("legacy", "inverted"):
        return word, True
    if word.startswith("DICT_"):
        return "dictionary", word
    known = [*PRESETS, "charuco", "checkerboard", "aprilgrid", "legacy", "inverted"]
    raise CaptureError(
        f"board '{text}': '{word}' is no word for a board (lengths: 60mm, marker=45mm); {meant(word, known)}"
    )


def board_flags(board: Board) -> str:
    """The flags that describe a board to `humanrig calibrate` and `humanrig board`."""
    words = [f"--squares {board.columns}x{board.rows}", f"--square-mm {_mm(board.square_m)}"]
    if board.kind != "charuco":
        words.insert(0, f"--kind {board.kind}")
    if board.kind != "checkerboard":
        words += [f"--marker-mm {_mm(board.marker_m)}", f"--dictionary {board.dictionary}"]
    words += ["--legacy"] * board.legacy + ["--inverted"] * board.inverted
    words += [f"--thickness-mm {_mm(board.thickness_m)}"] if board.sides == 2 else []
    return " ".join(words)


def describe(board: Board) -> str:
    """A board in words, for people."""
    of = {
        "charuco": f"ChArUco board of {board.columns}x{board.rows} squares of {_mm(board.square_m)} mm, markers of "
        f"{_mm(board.marker_m)} mm from {board.dictionary}",
        "checkerboard": f"checkerboard of {board.columns}x{board.rows} squares of {_mm(board.square_m)} mm",
        "aprilgrid": f"AprilGrid of {board.columns}x{board.rows} tags of {_mm(board.marker_m)} mm, "
        f"{_mm(board.square_m)} mm from tag to tag, from {board.dictionary}",
    }[board.kind]
    more = [", legacy pattern"] * board.legacy + [", white on black"] * board.inverted
    two = f", two-sided, {_mm(board.thickness_m)} mm thick" if board.sides == 2 else ""
    return of + "".join(more) + two


def _mm(length_m: float) -> str:
    return f"{1000 * length_m:.6g}"


def _smallest_dictionary(kind: BoardKind, squares: int, sides: int) -> str:
    if kind == "aprilgrid":
        return APRILTAGS
    need = squares // 2 * sides
    names = [f"DICT_4X4_{count}" for count in (50, 100, 250, 1000)]
    return next((name for name in names if len(marker_dictionary(name).bytesList) >= need), names[-1])
