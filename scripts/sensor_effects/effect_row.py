"""One line of a table of sensor effects, and the table as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class EffectRow:
    """What is published of an effect, and what the simulation does."""

    effect: str
    published: str
    """Figure with its unit; "none" where nothing is published."""
    source: str
    """Of the published figure, or "assumed"."""
    simulated: str
    """Figure with its unit."""
    measured: str
    """How the simulated figure was measured."""


def as_markdown(rows: Sequence[EffectRow]) -> str:
    """The table, with a head."""
    names = [field.name for field in fields(EffectRow)]
    lines = [names, ["---"] * len(names), *([getattr(row, name) for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
