"""Which board a take shows: as the user says it, or as the take itself says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from capture.board import Board, BoardKind
from capture.board_file import BOARD_FILE, PRESETS, make_board, parse_board, read_board
from capture.session import Session
from humanrig.errors import HumanrigError


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardWords:
    """A board as it is given on the command line; None: not said."""

    board: str | None = None
    """A board.toml, a preset's name or its words in one text."""
    kind: BoardKind | None = None
    squares: str | None = None
    square_mm: float | None = None
    marker_mm: float | None = None
    dictionary: str | None = None
    legacy: bool = False
    inverted: bool = False
    thickness_mm: float = 0.0

    @property
    def flags(self) -> dict[str, Any]:
        """What was said in words of their own, without what was left out."""
        names = ("kind", "squares", "square_mm", "marker_mm", "dictionary", "legacy", "inverted", "thickness_mm")
        said = {name: getattr(self, name) for name in names}
        unsaid = {"legacy": False, "inverted": False, "thickness_mm": 0.0}
        return {name: value for name, value in said.items() if value is not None and value != unsaid.get(name)}

    @property
    def given(self) -> bool:
        """Whether anything was said."""
        return self.board is not None or bool(self.flags)


def described_board(session: Session, words: BoardWords) -> tuple[Board, str]:
    """The board, and where that was said.

    Raises HumanrigError when it is not said, or said twice; CaptureError when no board is like that.
    """
    flags = words.flags
    if words.board is not None:
        if flags:
            raise HumanrigError(f"--board {words.board} describes the board already; leave the other words out")
        return parse_board(words.board), words.board
    if flags:
        if missing := {"squares", "square_mm"} - flags.keys():
            lacks = "--squares 9x12" if "squares" in missing else "--square-mm 60"
            raise HumanrigError(f"the board is described by half; add {lacks}, as it is printed beside the pattern")
        return make_board(**flags), "the command line"
    path = session.path(*BOARD_FILE)
    if path.is_file():
        return read_board(path), "/".join(BOARD_FILE)
    raise HumanrigError(
        f"{session.folder} does not say which board it shows; give --board board.toml as humanrig board make wrote it, "
        f"a preset ({', '.join(PRESETS)}), or words such as --squares 9x12 --square-mm 60"
    )
