"""The verdict on a session: one word, one line, and the reasons, the heaviest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Word = Literal["good", "look", "bad", "unfinished"]
"""good: use it; look: open it first; bad: do not use it; unfinished: a stage failed or has not run."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One thing that costs trust."""

    stage: str
    text: str
    """A sentence with its number, and what to do where something can be done."""
    cost: float
    """What it takes from the score, 0 to 1."""
    camera: str = ""
    """The camera that it is about; empty for the whole session."""

    @property
    def of_camera(self) -> str:
        """The sentence for a place that names the camera already."""
        return self.text.removeprefix(f"{self.camera}: ") if self.camera else self.text


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How far a session can be trusted."""

    word: Word
    score: float
    """1: nothing speaks against it; 0: nothing can be used. Batches are sorted by it."""
    line: str
    """The verdict in one line."""
    reasons: tuple[Reason, ...] = ()
