"""Scores as a table of text: a figure with its interval and protocol a line, then people, counts and remarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final

from hps.evaluation.scoring import Figure, ScoreReport
from hps.evaluation.scoring.score_report import PersonRow

ROWS: Final = 40
"""People that are printed; the file has all."""
DIGITS: Final[dict[str, int]] = {"mm": 1, "mm/frame": 2, "mm/frame²": 2, "deg": 2, "%": 2, "m/s²": 2, "10m/s³": 2}
OTHERWISE: Final = 3
SHORT: Final = 5
"""Figures of a line about one person."""


def score_lines(report: ScoreReport) -> Iterator[str]:
    """Every line of the answer."""
    yield f"protocol {report.protocol}: {report.says} ({report.source})"
    yield f"compared: {report.rules}"
    unit = "pictures" if report.figures and report.figures[0].over == "pictures" else "sequences"
    heading = ("measure", "protocol", "value", "95 % of " + unit, "unit", "n", unit, "what it is")
    yield from _columns([heading, *(_figure(one) for one in report.figures if one.interval.n)])
    for one in report.figures:
        if one.unmeasured:
            some = "of some people " if one.interval.n else ""
            yield f"not told {some}under {report.protocol}: {one.label} {one.unit}: {one.unmeasured}"
    yield ""
    yield from _people(report, unit)
    yield from _bins(report.bins)
    yield _counted(report, unit)
    if any(one.interval.subjects == 1 for one in report.figures):
        yield f"one of {unit} alone gives no interval"
    yield from report.told


def _figure(one: Figure) -> tuple[str, ...]:
    value = one.interval
    digits = DIGITS.get(one.unit, OTHERWISE)
    inside = f"{value.low:.{digits}f} to {value.high:.{digits}f}" if isfinite(value.low) else "-"
    number = f"{value.value:.{digits}f}" if isfinite(value.value) else "-"
    return one.measure, one.protocol, number, inside, one.unit, f"{value.n}", f"{value.subjects or '-'}", one.says


def _people(report: ScoreReport, unit: str) -> Iterator[str]:
    if not report.rows:
        return
    names = list(dict.fromkeys(name for row in report.rows for name in row.values))[:SHORT]
    kind = ("picture", "people") if unit == "pictures" else ("person", "frames")
    lines: list[tuple[str, ...]] = [(*kind, *names)]
    for row in report.rows[:ROWS]:
        numbers = (f"{row.values[name]:.4g}" if name in row.values else "-" for name in names)
        lines.append((row.name, f"{row.frames}", *numbers))
    yield from _columns(lines)
    if len(report.rows) > ROWS:
        yield f"and {len(report.rows) - ROWS} more; --out FILE.json has all"
    yield ""


def _bins(bins: Sequence[PersonRow]) -> Iterator[str]:
    if not bins:
        return
    named: dict[str, dict[str, float]] = {}
    people: dict[str, int] = {}
    for row in bins:
        named.setdefault(row.name, {}).update(row.values)
        people[row.name] = row.frames
    columns = list(dict.fromkeys(name for values in named.values() for name in values))
    columns = [name for name in columns if name.startswith(("found", "MPJPE ["))]
    lines = [("people who are", "people", *columns)]
    for name, values in named.items():
        lines.append((name, f"{people[name]}", *(f"{values[c]:.4g}" if c in values else "-" for c in columns)))
    yield from _columns(lines)
    yield ""


def _counted(report: ScoreReport, unit: str) -> str:
    c = report.counts
    if unit == "pictures":
        return (
            f"by AGORA's rule {c.people} people found, {c.missing_people} missed, {c.unknown_people} false "
            f"predictions, in {c.frames} pictures; {c.ignored_frames} true people do not count"
        )
    return (
        f"{c.people} people and {c.frames} frames compared; {c.ignored_frames} frames do not count, {c.lacking_frames} "
        f"have no prediction, {c.refused_frames} were refused (NaN); {c.missing_people} people have no prediction, "
        f"{c.unknown_people} predictions are nobody"
    )


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
