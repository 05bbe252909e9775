"""What a take is to be: who does what, for how long, and what is said to them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from capture.board import Board
from capture.catalogue.actions import Action
from capture.catalogue.subjects import Subject
from humanrig.rig.take_folders import Kind, Link

PROMPTS: dict[Kind, str] = {
    "take": "",
    "background": "Everybody out of the marked area: the empty room is recorded.",
    "board": "Move the board slowly through the whole area, tilted, so that every camera sees it.",
}


@dataclass(frozen=True, kw_only=True)
class TakePlan:
    """One take before it is recorded."""

    session: Path
    """Folder of its first take."""
    kind: Kind = "take"
    subject: Subject | None = None
    action: Action | None = None
    seconds: float | None = None
    """None: until somebody stops it."""
    countdown_s: float = 3.0
    links: tuple[Link, ...] = ()
    host: str = ""
    board: Board | None = None
    """Which board a take of kind `board` shows, where that is known."""

    @property
    def subject_code(self) -> str:
        """`p000012`, empty where nobody is recorded."""
        return self.subject.code if self.subject else ""

    @property
    def action_code(self) -> str:
        """`a000011`; a background or board take has its kind, by which later takes find it."""
        return self.action.code if self.action else self.kind if self.kind != "take" else ""

    @property
    def title(self) -> str:
        """Who does what, in a line."""
        what = f"{self.action.code} {self.action.name}" if self.action else self.kind
        return " · ".join(part for part in (self.subject_code, what) if part)

    @property
    def prompt(self) -> str:
        """What is read aloud."""
        return self.action.prompt if self.action else PROMPTS[self.kind]

    def described(self) -> dict[str, Any]:
        """For the take's `take/plan.json`: the words of this day, whatever the catalogue says later."""
        return {
            "kind": self.kind,
            "subject": asdict(self.subject) if self.subject else None,
            "action": asdict(self.action) if self.action else None,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, kw_only=True)
class TakePaths:
    """Files that the capture flow adds to a session."""

    folder: Path
    names: tuple[str, ...] = field(default=("plan.json", "verdict.json", "verdict.txt"), init=False)

    def path(self, name: str) -> Path:
        """`take/NAME` in the session."""
        return self.folder / "take" / name

    def write_json(self, name: str, value: Any) -> None:
        """Writes it whole."""
        self.write_text(name, json.dumps(value, indent=1) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Writes it whole. Raises OSError, with nothing of it left behind."""
        path = self.path(name)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name(f".{name}.partial")
        try:
            partial.write_text(text, "utf-8")
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
