"""Packs flat charts into one square, at one scale for all.

The largest first, each chart goes where its top ends lowest, in four orientations. What is free is kept as runs of
cells, so that a place that is taken also tells how far to the right the next one may be.
"""

from __future__ import annotations

import cv2
import numba as nb
import numpy as np
from jaxtyping import Float, Integer

from texture.errors import TextureError

CELLS = 512
"""Cells across the square: 4 texels of a 2048 texture. Charts keep one cell free around them, and so at least 4 texels
from each other; on a scanned person it was 6, and 8 in the mean."""
FILL = 0.67
"""Share of the square that charts are first scaled to fill: people's fill 0.59 to 0.66."""
TRIES = 2
"""Scales that are tried, each after what the last one used: four people fill 0.57, then 0.61 of the square; a third try
adds 0.001."""
ROOM = 4
"""Squares below each other in which charts may be laid before they are shrunk to one."""
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
    (ax, ay), (bx, by), (cx, cy) = (boxed[faces[:, k]].T for k in range(3))
    area = np.bincount(chart_of_face, np.abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / 2, charts)
    members = np.split(np.argsort(chart_of_face, kind="stable"), np.cumsum(np.bincount(chart_of_face))[:-1])
    best, uv, fill = np.inf, boxed, FILL
    for _ in range(TRIES):
        q = boxed * (CELLS * np.sqrt(fill / max(float(area.sum()), 1e-12)))
        used, place = _laid([_touched(q, faces, members[number]) for number in range(charts)])
        if used * np.sqrt(1 / fill) < best:
            best, uv = used * np.sqrt(1 / fill), _turned(q, place[chart]) / used
        fill *= CELLS / used
    return uv


def _boxed(plane: np.ndarray, chart: np.ndarray, charts: int) -> np.ndarray:
    """Charts turned so that their box is smallest, its lower left corner at the origin."""
    angle = np.arange(ANGLES) * (np.pi / 2 / ANGLES)
    c, s = np.cos(angle), np.sin(angle)
    order = np.argsort(chart, kind="stable")
    starts = np.searchsorted(chart[order], np.arange(charts))
    x, y = plane[order] @ np.stack([c, -s]), plane[order] @ np.stack([s, c])
    low = np.stack([np.minimum.reduceat(a, starts) for a in (x, y)], -1)
    high = np.stack([np.maximum.reduceat(a, starts) for a in (x, y)], -1)
    best = np.prod(high - low, axis=-1).argmin(-1)
    of = best[chart]
    turned = np.stack([c[of] * plane[:, 0] - s[of] * plane[:, 1], s[of] * plane[:, 0] + c[of] * plane[:, 1]], -1)
    return np.maximum(turned - low[np.arange(charts), best][chart], 0.0)


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


def _touched(q: np.ndarray, faces: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The cells that a chart lies on, drawn in halves of a cell."""
    corners = q[faces[members]]
    width, height = (int(x) + 1 for x in corners.reshape(-1, 2).max(0))
    fine = np.zeros((2 * height, 2 * width), np.uint8)
    cv2.fillPoly(fine, list(np.floor(2 * corners).astype(np.int32)), (1,))
    return fine[::2, ::2] | fine[1::2, ::2] | fine[::2, 1::2] | fine[1::2, 1::2]


def _laid(masks: list[np.ndarray]) -> tuple[int, np.ndarray]:
    """Lays all charts; returns the side of the square that they use, and of each x, y, quarter turns, width, height."""
    side = max(CELLS, *(max(mask.shape) + 4 for mask in masks))
    place = np.zeros((len(masks), 5), np.int64)
    taken = np.zeros((ROOM * side, side), np.bool_)
    run = np.empty(taken.shape, np.int32)
    _runs(taken, run)
    used = 0
    for number in sorted(range(len(masks)), key=lambda chart: -int(masks[chart].sum())):
        mask = masks[number]
        bordered = cv2.copyMakeBorder(mask, 2, 2, 2, 2, cv2.BORDER_CONSTANT)
        with_gap = cv2.dilate(bordered, np.ones((3, 3), np.uint8))
        top, x, y, turns = len(taken) + 1, 0, 0, 0
        for way in range(4):
            wide = np.rot90(with_gap, -way)
            found_x, found_y = _lowest_free(run, _spans(wide), wide.shape[0], wide.shape[1], top)
            if found_x >= 0:
                top, x, y, turns = found_y + wide.shape[0], found_x + 2, found_y + 2, way
        if top > len(taken):
            raise TextureError(f"{len(masks)} charts do not fit into a texture; use the method 'xatlas'")
        shape = np.rot90(mask, -turns)
        rows, columns = shape.shape
        taken[y : y + rows, x : x + columns] |= shape > 0
        _runs(taken[y : y + rows], run[y : y + rows])
        place[number] = x, y, turns, mask.shape[1], mask.shape[0]
        used = max(used, top)
    return max(used, side), place


def _spans(mask: np.ndarray) -> np.ndarray:
    """Row, first cell and length of each run of a mask, every eighth row first: those rule a place out soonest."""
    before, after = mask[:, :-1], mask[:, 1:]
    row, start = np.nonzero(after > before)
    spans = np.stack([row, start + 1, np.nonzero(after < before)[1] - start], -1)
    return spans[np.argsort(row % 8, kind="stable")]


@nb.njit(cache=True, error_model="numpy")
def _runs(taken, run):
    """At each cell how many free ones begin there; where it is taken, minus how many taken ones."""
    for y in range(taken.shape[0]):
        count = 0
        for x in range(taken.shape[1] - 1, -1, -1):
            same = x + 1 < taken.shape[1] and taken[y, x] == taken[y, x + 1]
            count = count + 1 if same else 1
            run[y, x] = -count if taken[y, x] else count


@nb.njit(cache=True, error_model="numpy")
def _lowest_free(run, spans, height, width, below):
    """The lowest, then leftmost place where all spans are free and which ends below a row; (-1, -1) if none."""
    y = 0
    while y + height < below and y + height <= run.shape[0]:
        x = 0
        while x + width <= run.shape[1]:
            blocked = -1
            for s in range(len(spans)):
                start = x + spans[s, 1]
                free = run[y + spans[s, 0], start]
                if free < spans[s, 2]:
                    blocked = start + max(free, 0)
                    x = blocked - run[y + spans[s, 0], blocked] - spans[s, 1]
                    break
            if blocked < 0:
                return x, y
        y += 1
    return -1, -1
