"""What was measured of each case and variant, one JSON file each, so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = "figures"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Figures of one case in one variant."""

    kind: str
    """Which trial: surfaces, rerender, tests, …"""
    case: str
    row: str
    variant: str
    key: str
    """What the figures depend on; they are measured again where it changed."""
    error: str | None
    """The sentence in which it ended, where it did."""
    figures: dict[str, Any]


def measured(
    work: Path,
    kind: str,
    case: tuple[str, str],
    variant: str,
    key: str,
    measure: Callable[[], dict[str, Any]],
    *,
    again: bool = False,
) -> Measured:
    """The figures of a case (name, row) in a variant, from its file where that has the same key.

    An expected error is a result, too, and is not kept.
    """
    from humanrig.cli import expected_errors

    name, row = case
    path = work / FOLDER / f"{kind}__{name}__{variant.replace(' ', '_')}.json"
    if path.is_file() and not again:
        found = Measured(**json.loads(path.read_text()))
        if found.key == key:
            return found
    try:
        figures, error = measure(), None
    except expected_errors() as expected:
        figures, error = {}, str(expected)
    found = Measured(kind=kind, case=name, row=row, variant=variant, key=key, error=error, figures=figures)
    if error is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(found), indent=1))
        partial.replace(path)
    return found


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def number(value: float | None, digits: int = 2) -> str:
    """With so many digits; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def replaced(page: Path, name: str, text: str) -> None:
    """Puts text between <!-- NAME --> and <!-- end of NAME --> of a page. Raises SystemExit without them."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = page.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{page} has no {begin} … {end} to put the table between")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")
