"""Packs flat charts into one square, at one scale for all (numba).

The largest first, each chart goes where its top ends lowest, in four orientations. What is free is kept as runs of
cells, so that a place that is taken also tells how far to the right the next one may be.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Integer

CELLS = 512
"""Cells across the square: 4 texels of a 2048 texture. Charts keep one cell free around them, and so at least 4 texels
from each other; 7 in the mean."""
FILL = (0.74, 0.70, 0.67, 0.64)
"""Shares of the square that charts are first scaled to fill; the first at which all fit is taken, else that at which
they stick out least is shrunk."""
ANGLES = 32
"""Directions in a quarter turn that are tried for the smallest box."""


def packed(
    plane: Float[np.ndarray, "corners 2"],
    faces: Integer[np.ndarray, "faces 3"],
    chart_of_face: Integer[np.ndarray, "faces"],
) -> Float[np.ndarray, "corners 2"]:
    """Texture coordinates in 0 to 1: each chart turned and moved, all scaled alike, none over another."""
    faces = np.ascontiguousarray(faces, np.int64)
    charts = int(chart_of_face.max()) + 1
    chart = np.empty(len(plane), np.int64)
    chart[faces] = chart_of_face[:, None]
    boxed = _boxed(plane, chart, charts)
    corners = boxed[faces]
    double_area = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    area = np.bincount(chart_of_face, double_area / 2, charts)
    order = np.argsort(-area, kind="stable")
    members = np.argsort(chart_of_face, kind="stable")
    ends = np.cumsum(np.bincount(chart_of_face, minlength=charts))
    best, uv = np.inf, boxed
    for fill in FILL:
        scale = CELLS * np.sqrt(fill / max(float(area.sum()), 1e-12))
        place = np.zeros((charts, 5), np.int64)
        used = _drop(boxed * scale, faces, members, ends, order, place)
        across = max(used, CELLS)
        if across / scale < best:
            best, uv = across / scale, _turned(boxed * scale, place[chart]) / across
        if used <= CELLS:
            break
    return uv


@nb.njit(cache=True)
def _boxed(plane, chart, charts):
    """Charts turned so that their box is smallest, its lower left corner at the origin."""
    best = np.full(charts, np.inf)
    way = np.zeros((charts, 4))  # cosine, sine and lower left corner of the best so far
    low, high = np.empty((charts, 2)), np.empty((charts, 2))
    for step in range(ANGLES):
        c, s = np.cos(step * np.pi / 2 / ANGLES), np.sin(step * np.pi / 2 / ANGLES)
        for of in range(charts):
            low[of, 0] = low[of, 1] = np.inf
            high[of, 0] = high[of, 1] = -np.inf
        for i in range(len(plane)):
            x, y, of = c * plane[i, 0] - s * plane[i, 1], s * plane[i, 0] + c * plane[i, 1], chart[i]
            low[of, 0], low[of, 1] = min(low[of, 0], x), min(low[of, 1], y)
            high[of, 0], high[of, 1] = max(high[of, 0], x), max(high[of, 1], y)
        for of in range(charts):
            area = (high[of, 0] - low[of, 0]) * (high[of, 1] - low[of, 1])
            if area < best[of]:
                best[of] = area
                way[of, 0], way[of, 1], way[of, 2], way[of, 3] = c, s, low[of, 0], low[of, 1]
    turned = np.empty(plane.shape)
    for i in range(len(plane)):
        of = chart[i]
        c, s, x, y = way[of, 0], way[of, 1], way[of, 2], way[of, 3]
        turned[i, 0] = max(c * plane[i, 0] - s * plane[i, 1] - x, 0.0)
        turned[i, 1] = max(s * plane[i, 0] + c * plane[i, 1] - y, 0.0)
    return turned


def _turned(q: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Vertices (in cells) after each one's quarter turns (about its chart's box of cells) and move."""
    turns, width, height = place.T[2:]
    ways = [
        (q[:, 0], q[:, 1]),
        (height - q[:, 1], q[:, 0]),
        (width - q[:, 0], height - q[:, 1]),
        (q[:, 1], width - q[:, 0]),
    ]
    return np.stack([np.choose(turns, [way[k] for way in ways]) + place[:, k] for k in range(2)], -1)


@nb.njit(cache=True)
def _drop(q, faces, members, ends, order, place):
    """Places all charts in a strip `CELLS` wide; fills x, y, quarter turns, width and height; returns rows used."""
    rows = 4 * CELLS
    taken = np.zeros((rows, CELLS), np.bool_)
    run = np.empty((rows, CELLS), np.int32)
    for y in range(rows):
        _runs(taken[y], run[y])
    used = 0
    for chart in order:
        start = ends[chart - 1] if chart > 0 else 0
        mask = _touched(q, faces, members[start : ends[chart]])
        best_top, best_x, best_y, best_turns = rows, -1, -1, 0
        shape = mask
        for turns in range(4):
            if turns > 0:
                shape = _quarter(shape)
            spans = _spans(_dilated(shape))
            height, width = shape.shape[0] + 2, shape.shape[1] + 2
            y = 0
            while y + height < best_top:
                x = _first_free(run, spans, y, width)
                if x >= 0:
                    best_top, best_x, best_y, best_turns = y + height, x + 1, y + 1, turns
                    break
                y += 1
        if best_x < 0:
            return rows * 4  # a chart wider than the strip
        shape = mask
        for _ in range(best_turns):
            shape = _quarter(shape)
        for y in range(shape.shape[0]):
            for x in range(shape.shape[1]):
                if shape[y, x]:
                    taken[best_y + y, best_x + x] = True
            _runs(taken[best_y + y], run[best_y + y])
        used = max(used, best_top)
        place[chart, 0], place[chart, 1], place[chart, 2] = best_x, best_y, best_turns
        place[chart, 3], place[chart, 4] = mask.shape[1], mask.shape[0]
    return used


@nb.njit(cache=True)
def _runs(taken, run):
    """At each cell how many free ones begin there; where it is taken, minus how many taken ones."""
    count = 0
    for x in range(len(taken) - 1, -1, -1):
        same = x + 1 < len(taken) and taken[x] == taken[x + 1]
        count = count + 1 if same else 1
        run[x] = -count if taken[x] else count


@nb.njit(cache=True)
def _first_free(run, spans, y, width):
    """The leftmost place of a shape in rows from y; -1 where there is none."""
    x = 0
    while x + width <= run.shape[1]:
        moved = False
        for s in range(len(spans)):
            free = run[y + spans[s, 0], x + spans[s, 1]]
            if free >= spans[s, 2]:
                continue
            blocked = x + spans[s, 1] + max(free, 0)
            x = blocked - run[y + spans[s, 0], blocked] - spans[s, 1]
            moved = True
            break
        if not moved:
            return x
    return -1


@nb.njit(cache=True)
def _spans(mask):
    """Row, first cell and length of each run of a mask, every eighth row first: those rule a place out soonest."""
    spans = np.empty((mask.shape[0] * (mask.shape[1] // 2 + 1), 3), np.int64)
    count = 0
    for first in range(8):
        for row in range(first, mask.shape[0], 8):
            start = -1
            for x in range(mask.shape[1] + 1):
                inside = x < mask.shape[1] and mask[row, x]
                if inside and start < 0:
                    start = x
                elif not inside and start >= 0:
                    spans[count, 0], spans[count, 1], spans[count, 2] = row, start, x - start
                    count, start = count + 1, -1
    return spans[:count]


@nb.njit(cache=True)
def _quarter(mask):
    """The mask after a quarter turn: x' = height - y, y' = x."""
    height, width = mask.shape
    turned = np.empty((width, height), np.bool_)
    for y in range(height):
        for x in range(width):
            turned[x, height - 1 - y] = mask[y, x]
    return turned


@nb.njit(cache=True)
def _dilated(mask):
    height, width = mask.shape
    out = np.zeros((height + 2, width + 2), np.bool_)
    for y in range(height):
        for x in range(width):
            if mask[y, x]:
                for j in range(3):
                    for i in range(3):
                        out[y + j, x + i] = True
    return out


@nb.njit(cache=True)
def _touched(q, faces, members):
    """Cells that a chart touches: between the outermost edges of each face in each row of cells."""
    width, height = 1, 1
    for f in members:
        for k in range(3):
            width, height = max(width, int(q[faces[f, k], 0]) + 1), max(height, int(q[faces[f, k], 1]) + 1)
    mask = np.zeros((height, width), np.bool_)
    left, right = np.full(height, width), np.full(height, -1)
    for f in members:
        low, high = height, -1
        for k in range(3):
            i, j = faces[f, k], faces[f, (k + 1) % 3]
            ax, ay, bx, by = q[i, 0], q[i, 1], q[j, 0], q[j, 1]
            if ay > by:
                ax, ay, bx, by = bx, by, ax, ay
            slope = (bx - ax) / (by - ay) if by > ay else 0.0
            for row in range(int(ay), int(by) + 1):
                x0 = ax + slope * (max(float(row), ay) - ay) if by > ay else ax
                x1 = ax + slope * (min(float(row + 1), by) - ay) if by > ay else bx
                left[row] = min(left[row], int(min(x0, x1)))
                right[row] = max(right[row], int(max(x0, x1)))
            low, high = min(low, int(ay)), max(high, int(by))
        for row in range(low, high + 1):
            for x in range(max(left[row], 0), min(right[row], width - 1) + 1):
                mask[row, x] = True
            left[row], right[row] = width, -1
    return mask
