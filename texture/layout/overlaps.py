"""Finds charts that lie over themselves, and cuts them apart there (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Int32, Int64, Integer

from geometry.triangle_coverage import edge, first_pixel, last_pixel, owns_border


def overlapping_faces(
    plane: Float[np.ndarray, "corners 2"],
    faces: Integer[np.ndarray, "faces 3"],
    chart_of_face: Integer[np.ndarray, "faces"],
    cell: float,
) -> Int64[np.ndarray, "charts 2"]:
    """Two faces of each chart that cover the same cell of a grid; -1 where a chart covers each cell once.

    `cell` is the grid's step, in the units of the plane: a texel. Faces that share a vertex do not count: where the
    surface crumples, one of them may be turned over, and either shows the same place.
    """
    order = np.argsort(chart_of_face, kind="stable")
    ends = np.cumsum(np.bincount(chart_of_face, minlength=int(chart_of_face.max()) + 1))
    found = np.full((len(ends), 2), -1, np.int64)
    q = np.ascontiguousarray(plane, np.float64) / cell
    _twice(q, np.ascontiguousarray(faces, np.int64), order, ends, found)
    return found


def cut_apart(
    chart_of_face: Integer[np.ndarray, "faces"],
    neighbours: Int32[np.ndarray, "faces 3"],
    pairs: Int64[np.ndarray, "charts 2"],
) -> Int64[np.ndarray, "faces"]:
    """Labels with each overlapping chart in two: each face goes with the face of the pair that it is fewer steps from.

    What is in two pieces afterwards keeps one label: see `segmentation.connected`.
    """
    labels = np.asarray(chart_of_face, np.int64).copy()
    _nearest_of_two(labels, neighbours, pairs, len(pairs))
    return labels


@nb.njit(cache=True)
def _twice(q, faces, order, ends, found):
    start = 0
    for chart in range(len(ends)):
        members = order[start : ends[chart]]
        start = ends[chart]
        low_x, low_y, high_x, high_y = np.inf, np.inf, -np.inf, -np.inf
        for f in members:
            for k in range(3):
                x, y = q[faces[f, k], 0], q[faces[f, k], 1]
                low_x, low_y, high_x, high_y = min(low_x, x), min(low_y, y), max(high_x, x), max(high_y, y)
        if not (np.isfinite(high_x - low_x) and np.isfinite(high_y - low_y)):
            continue
        width, height = int(high_x - low_x) + 2, int(high_y - low_y) + 2
        owner = np.full((height, width), -1, np.int32)
        for f in members:
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            ax, ay, bx, by = q[a, 0] - low_x, q[a, 1] - low_y, q[b, 0] - low_x, q[b, 1] - low_y
            cx, cy = q[c, 0] - low_x, q[c, 1] - low_y
            area = edge(ax, ay, bx, by, cx, cy)
            if area == 0:
                continue
            if area < 0:
                bx, by, cx, cy = cx, cy, bx, by
            own_a, own_b, own_c = owns_border(bx, by, cx, cy), owns_border(cx, cy, ax, ay), owns_border(ax, ay, bx, by)
            for row in range(first_pixel(ay, by, cy, height), last_pixel(ay, by, cy, height) + 1):
                for column in range(first_pixel(ax, bx, cx, width), last_pixel(ax, bx, cx, width) + 1):
                    wa = edge(bx, by, cx, cy, column, row)
                    wb = edge(cx, cy, ax, ay, column, row)
                    wc = edge(ax, ay, bx, by, column, row)
                    if wa < 0 or wb < 0 or wc < 0:
                        continue
                    if (wa == 0 and not own_a) or (wb == 0 and not own_b) or (wc == 0 and not own_c):
                        continue
                    other = owner[row, column]
                    if other >= 0 and found[chart, 0] < 0:
                        shared = False
                        for i in range(3):
                            for j in range(3):
                                if faces[other, i] == faces[f, j]:
                                    shared = True
                        if not shared:
                            found[chart, 0], found[chart, 1] = other, f
                    owner[row, column] = f
            if found[chart, 0] >= 0:
                break


@nb.njit(cache=True)
def _nearest_of_two(labels, neighbours, pairs, count):
    """Grows from both faces of each pair at once; the second one's share gets a new label."""
    chart = labels.copy()
    done = np.zeros(len(labels), np.bool_)
    queue = np.empty(len(labels), np.int64)
    for c in range(len(pairs)):
        if pairs[c, 0] < 0:
            continue
        queue[0], queue[1] = pairs[c, 0], pairs[c, 1]
        done[queue[0]] = done[queue[1]] = True
        labels[queue[1]] = count
        head, tail = 0, 2
        while head < tail:
            face = queue[head]
            head += 1
            for k in range(3):
                other = neighbours[face, k]
                if other >= 0 and chart[other] == c and not done[other]:
                    done[other] = True
                    labels[other] = labels[face]
                    queue[tail] = other
                    tail += 1
        count += 1
