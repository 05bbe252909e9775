"""How a command that runs up to one stage ends: warnings, figures for people or as JSON, and where the results are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from humanrig.pipeline import Outcome
from humanrig.terminal import print_json, say


def tell(
    outcomes: Sequence[Outcome], lines: Callable[[dict[str, Any]], Iterable[str]], folder: Path, *, json: bool
) -> None:
    """Says every stage's warnings; prints the last one's figures, as `lines` of them or as one JSON object."""
    last = outcomes[-1]
    for outcome in outcomes:
        for warning in outcome.figures.get("warnings", []):
            say(f"{outcome.stage}: warning: {warning}")
    if json:
        print_json({"seconds": last.seconds, "skipped": last.skipped, **last.figures})
        return
    for line in lines(last.figures):
        print(line)
    say("unchanged, skipped" if last.skipped else f"{last.seconds:.1f} s")
    say(f"{folder}")
