"""What became of one person's surfaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Progress = Callable[[int, int], None]
NAMED = 10
"""So many instants are named in a message."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """Entries of the index and figures; the segments themselves are on disk."""

    entries: list[tuple[int, int, str]]
    """(instant, segment, flag) of every instant that has a surface."""
    figures: dict[str, Any] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)
    """Why instants have no surface."""
    notes: tuple[str, ...] = ()
    """What was lost or doubtful on the way, whatever the instant."""

    def warnings(self) -> list[str]:
        """One sentence for each thing that is wrong somewhere, with the instants."""
        reasons: dict[str, list[int]] = {}
        for instant, _, flag in self.entries:
            for reason in filter(None, flag.split("; ")):
                reasons.setdefault(reason, []).append(instant)
        told = [f"{reason} ({named(instants)})" for reason, instants in reasons.items()]
        left_out: dict[str, list[int]] = {}
        for instant, reason in self.skipped.items():
            left_out.setdefault(reason, []).append(instant)
        return [*self.notes, *told] + [
            f"no surface: {reason} ({named(instants)})" for reason, instants in left_out.items()
        ]


def one_flag(reasons: Iterable[str]) -> str:
    """Reasons as the flag of an instant: "; " parts them, and nothing else does."""
    return "; ".join(dict.fromkeys(reason.replace("; ", ", ") for reason in reasons))


def named(instants: list[int]) -> str:
    """`instant 7`, or `instants 7, 8, 9 …`."""
    names = ", ".join(str(instant) for instant in instants[:NAMED])
    more = f" and {len(instants) - NAMED} more" if len(instants) > NAMED else ""
    return f"{'instant' if len(instants) == 1 else 'instants'} {names}{more}"
