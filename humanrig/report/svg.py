"""Charts as SVG inside a page: no script, no file, readable on a phone; every text in them is escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from markupsafe import Markup

WIDTH = 760.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 10.0, 10.0, 34.0
MOST_POINTS = 500
"""Of a line; more are drawn as the largest of each piece, so that no peak is lost."""
ROW = 24.0
LABEL, BEHIND = 170.0, 130.0
"""Pixels for the names of rows, and for what is told behind their bars."""
_GRID, _INK, _BAD = "#dddddd", "#444444", "#c62828"


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """One line of a chart."""

    name: str
    color: str
    x: np.ndarray
    y: np.ndarray
    """NaN leaves a gap."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One bar of a chart of rows."""

    label: str
    value: float
    """Length of the bar."""
    box: tuple[float, float] | None = None
    """Quartiles."""
    reach: tuple[float, float] | None = None
    """5 and 95 %."""
    text: str = ""
    """Behind the bar."""
    bad: bool = False


def line_chart(
    lines: Sequence[Line], unit: str, *, marked: Sequence[int] = (), x_label: str = "instant", height: float = 210.0
) -> Markup:
    """Lines over time from 0 up; `marked` instants have a red foot."""
    known = [(line, np.isfinite(line.y)) for line in lines]
    xs = np.concatenate([line.x for line in lines]) if lines else np.zeros(0)
    values = np.concatenate([line.y[ok] for line, ok in known]) if lines else np.zeros(0)
    if not len(values):
        return Markup("")
    low, high = float(xs.min()), max(float(xs.max()), float(xs.min()) + 1)
    top = max(float(values.max()), 1e-9)
    steps = ticks(0.0, top)
    top = max(top, steps[-1])

    def px(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x - low) / (high - low)

    def py(y: float) -> float:
        return height - BOTTOM - (height - TOP - BOTTOM) * y / top

    parts = [_y_axis(steps, py, unit)]
    for step in ticks(low, high, most=8):
        if low <= step <= high and float(step).is_integer():
            parts.append(_text(px(step), height - BOTTOM + 16, f"{step:g}", anchor="middle"))
    parts.append(_text(WIDTH - RIGHT, height - 3, x_label, anchor="end"))
    for first, last in runs(np.asarray(marked, np.int64)):
        x0, x1 = px(first - 0.4), px(last + 0.4)
        foot = height - BOTTOM - 5
        parts.append(Markup('<rect x="{:.1f}" y="{}" width="{:.1f}" height="5" fill="{}"/>').format(
            x0, foot, max(x1 - x0, 2.0), _BAD))  # fmt: skip
    for line, ok in known:
        parts += _polylines(line, ok, px, py)
    return _svg(height, parts)


def row_chart(rows: Sequence[Row], unit: str, *, top: float | None = None) -> Markup:
    """Bars that lie, one for each name; the axis ends at `top`, or at the longest."""
    known = [row for row in rows if math.isfinite(row.value)]
    if not known:
        return Markup("")
    ends = [max(row.value, row.reach[1] if row.reach else 0.0) for row in known]
    end = top if top is not None else max(*ends, 1e-9)
    steps = ticks(0.0, end, most=6)
    end = end if top is not None else max(end, steps[-1])
    height = ROW * len(known) + BOTTOM

    def px(x: float) -> float:
        return LABEL + (WIDTH - LABEL - BEHIND) * min(x, end) / end

    parts = []
    for step in steps:
        parts.append(_line(px(step), 0.0, px(step), height - BOTTOM, _GRID))
        parts.append(_text(px(step), height - BOTTOM + 16, f"{step:g}", anchor="middle"))
    parts.append(_text(WIDTH - RIGHT, height - BOTTOM + 16, unit, anchor="end"))
    for n, row in enumerate(known):
        y = ROW * n + 4
        color = _BAD if row.bad else "#6b9bd1"
        parts.append(_text(LABEL - 8, y + 13, row.label, anchor="end"))
        if row.reach:
            parts.append(_line(px(row.reach[0]), y + 8, px(row.reach[1]), y + 8, color))
        low, high = row.box or (0.0, row.value)
        parts.append(
            Markup('<rect x="{:.1f}" y="{}" width="{:.1f}" height="16" fill="{}" fill-opacity=".55"/>').format(
                px(low), y, max(px(high) - px(low), 1.0), color
            )
        )
        parts.append(_line(px(row.value), y, px(row.value), y + 16, _BAD if row.bad else "#1f4e8c", 2.0))
        told = row.text or f"{row.value:.3g}"
        at = max(px(row.value), px(high), px(row.reach[1]) if row.reach else 0.0)
        parts.append(_text(at + 6, y + 13, told))
    return _svg(height, parts)


def strip_chart(strips: Mapping[str, Bool[np.ndarray, "instants"]], instants: Sequence[int]) -> Markup:
    """One strip for each stream over the instants: blue where it has a frame, red where it has none.

    Of a long take one piece stands for several instants, and is red where any of them has none.
    """
    if not strips or not len(instants):
        return Markup("")
    count, row = len(instants), 18.0
    pieces = np.linspace(0, count, min(count, MOST_POINTS), endpoint=False).astype(int)
    height = row * len(strips) + BOTTOM
    scale, wide = ((WIDTH - LABEL - RIGHT) / number for number in (count, len(pieces)))
    parts = []
    for n, (name, there) in enumerate(strips.items()):
        y = row * n + 2
        parts.append(_text(LABEL - 8, y + 12, name, anchor="end"))
        parts.append(_rect(LABEL, y, WIDTH - LABEL - RIGHT, row - 4, "#a9c7e8"))
        holes = np.logical_or.reduceat(~np.asarray(there, bool), pieces)
        for first, last in runs(np.flatnonzero(holes)):
            parts.append(_rect(LABEL + wide * first, y, max(wide * (last - first + 1), 1.0), row - 4, _BAD))
    for step in ticks(0.0, count - 1.0, most=8):
        if float(step).is_integer() and step <= count - 1:
            label = str(instants[int(step)])
            parts.append(_text(LABEL + scale * (step + 0.5), height - BOTTOM + 16, label, anchor="middle"))
    parts.append(_text(WIDTH - RIGHT, height - 3, "instant", anchor="end"))
    return _svg(height, parts)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from `low` to just below or at `high`, and one above; 1, 2 or 5 times a power of ten apart."""
    rough = max(high - low, 1e-12) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def runs(numbers: np.ndarray) -> list[tuple[int, int]]:
    """First and last of each unbroken run of sorted numbers."""
    if not len(numbers):
        return []
    cuts = np.flatnonzero(np.diff(numbers) > 1)
    starts, ends = np.r_[0, cuts + 1], np.r_[cuts, len(numbers) - 1]
    return [(int(numbers[a]), int(numbers[b])) for a, b in zip(starts, ends)]


def thinned(x: np.ndarray, y: np.ndarray, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most so many points, the largest of each piece; NaN only where a whole piece is."""
    if len(x) <= most:
        return x, y
    edges = np.linspace(0, len(x), most + 1).astype(int)[:-1]
    largest = np.fmax.reduceat(y, edges)
    return x[edges], largest


def _polylines(line: Line, ok: np.ndarray, px, py) -> list[Markup]:
    x, y = thinned(np.asarray(line.x, np.float64), np.where(ok, line.y, np.nan))
    parts = []
    for first, last in runs(np.flatnonzero(np.isfinite(y))):
        points = " ".join(f"{px(a):.1f},{py(b):.1f}" for a, b in zip(x[first : last + 1], y[first : last + 1]))
        if first == last:
            parts.append(
                Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2" fill="{}"/>').format(
                    px(x[first]), py(y[first]), line.color
                )
            )
        else:
            parts.append(
                Markup(
                    '<polyline points="{}" fill="none" stroke="{}" stroke-width="1.6"><title>{}</title></polyline>'
                ).format(points, line.color, line.name)
            )
    return parts


def _y_axis(steps: Sequence[float], py, unit: str) -> Markup:
    lines = Markup("").join(
        _line(LEFT, py(step), WIDTH - RIGHT, py(step), _GRID) + _text(LEFT - 6, py(step) + 4, f"{step:g}", anchor="end")
        for step in steps
    )
    return lines + _text(LEFT - 6, py(0.0) + 20, unit, anchor="end")


def _text(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}">{}</text>').format(x, y, anchor, _INK, text)


def _line(x0: float, y0: float, x1: float, y1: float, color: str, width: float = 1.0) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="{}"/>').format(
        x0, y0, x1, y1, color, width
    )


def _rect(x: float, y: float, width: float, height: float, color: str) -> Markup:
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>').format(
        x, y, width, height, color
    )


def _svg(height: float, parts: Sequence[Markup]) -> Markup:
    opening = Markup('<svg class="chart" viewBox="0 0 {:g} {:g}" role="img">').format(WIDTH, height)
    return Markup('<div class="scroll">') + opening + Markup("").join(parts) + Markup("</svg></div>")
