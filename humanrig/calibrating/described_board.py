"""Which board a take shows: as the user says it, or as the take itself says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from capture.board import Board, BoardKind
from capture.errors import CaptureError
from capture.rig.toml_tables import checked, read_toml
from capture.session import Session
from humanrig.errors import HumanrigError

BOARD_FILE = ("recording", "board.toml")
"""What board a take shows; written when it is recorded, or by hand."""
MARKER_PART = 0.75
"""Side of a marker as a part of its square, where it is not said: what `humanrig board make` prints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardWords:
    """A board as it is given on the command line; None: not said."""

    file: Path | None = None
    kind: BoardKind | None = None
    squares: str | None = None
    square_mm: float | None = None
    marker_mm: float | None = None
    dictionary: str | None = None
    legacy: bool = False
    inverted: bool = False

    @property
    def described(self) -> bool:
        """Whether any word but the file was said."""
        said = (self.kind, self.squares, self.square_mm, self.marker_mm, self.dictionary)
        return any(word is not None for word in said) or self.legacy or self.inverted

    @property
    def given(self) -> bool:
        """Whether anything was said."""
        return self.file is not None or self.described


def described_board(session: Session, words: BoardWords) -> tuple[Board, str]:
    """The board, and where that was said. Raises HumanrigError or CaptureError, in a sentence, when it is not said,
    said twice or cannot be."""
    if words.file is not None:
        if words.described:
            raise HumanrigError(f"--board {words.file} describes the board already; leave the other words out")
        return read_board_file(words.file), str(words.file)
    if words.described:
        return _of_words(words), "the command line"
    path = session.path(*BOARD_FILE)
    if path.is_file():
        return read_board_file(path), f"{path.parent.name}/{path.name}"
    raise HumanrigError(
        f"{session.folder} does not say which board it shows; give --board board.toml as humanrig board make wrote it, "
        "or its words, such as --squares 9x12 --square-mm 60"
    )


def read_board_file(path: Path) -> Board:
    """The board of a board.toml. Raises CaptureError when it is missing or wrong."""
    values = read_toml(path, missing="humanrig board make writes one, or give --squares 9x12 --square-mm 60")
    return checked(Board, values, str(path))


def _of_words(words: BoardWords) -> Board:
    found = re.fullmatch(r"(\d+)\s*[xX×]\s*(\d+)", words.squares or "")
    if words.squares is None or words.square_mm is None or found is None:
        raise HumanrigError(
            f"--squares {words.squares} --square-mm {words.square_mm}: a board needs both, such as "
            "--squares 9x12 --square-mm 60"
        )
    values: dict[str, Any] = {
        "columns": int(found[1]),
        "rows": int(found[2]),
        "square_m": words.square_mm / 1000,
        "marker_m": (words.marker_mm or MARKER_PART * words.square_mm) / 1000,
        "legacy": words.legacy,
        "inverted": words.inverted,
    }
    values |= {name: said for name in ("kind", "dictionary") if (said := getattr(words, name)) is not None}
    try:
        return TypeAdapter(Board).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise HumanrigError(f"the board's {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except CaptureError as error:
        raise HumanrigError(f"the board as it is given: {error}") from None
