"""What was read so far, so that a long run goes on where it ended."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fuzzing.outcome import FINE, Outcome

MOST_FINDINGS = 50
"""Kept in words of one importer; all are counted."""


@dataclass(kw_only=True)
class Tally:
    """Of one importer."""

    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """`fault|what` to how many."""
    slowest_s: float = 0.0
    slowest: int = -1
    """Which input that was."""
    most_bytes: int = 0
    findings: list[dict[str, object]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """One more."""
        self.done = outcome.number + 1
        self.counts[f"{outcome.fault}|{outcome.what}"] += 1
        if outcome.seconds > self.slowest_s:
            self.slowest_s, self.slowest = outcome.seconds, outcome.number
        self.most_bytes = max(self.most_bytes, outcome.bytes)
        if outcome.what not in FINE and len(self.findings) < MOST_FINDINGS:
            self.findings.append(json.loads(outcome.line()))

    def of(self, what: str) -> int:
        """How many inputs became that."""
        return sum(count for key, count in self.counts.items() if key.endswith(f"|{what}"))

    def at(self, fault: str, what: str) -> int:
        """How many with a fault."""
        return self.counts[f"{fault}|{what}"]


def read_tally(path: Path) -> Tally:
    """What a run left; nothing where there was none."""
    if not path.is_file():
        return Tally()
    values = json.loads(path.read_text())
    return Tally(**{**values, "counts": Counter(values["counts"])})


def write_tally(tally: Tally, path: Path) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps({**vars(tally), "counts": dict(tally.counts)}, indent=1))
    os.replace(partial, path)
