"""Finds charts that lie over themselves, and cuts them apart there (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Int32, Int64, Integer

INSIDE = 1e-9
"""Cells of an edge between two faces belong to neither: the same cell is never counted for both."""


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
    cut = pairs[pairs[:, 0] >= 0]
    done = np.zeros(len(labels), np.bool_)
    labels[cut[:, 1]] = len(pairs) + np.arange(len(cut))
    front = cut.ravel()
    done[front] = True
    while len(front):
        other = neighbours[front]
        reached = (other >= 0) & (chart_of_face[other] == chart_of_face[front][:, None]) & ~done[other]
        source, other = np.broadcast_to(front[:, None], other.shape)[reached], other[reached]
        front, first = np.unique(other, return_index=True)
        labels[front] = labels[source[first]]
        done[front] = True
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
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            if area < 0:
                bx, by, cx, cy = cx, cy, bx, by
            for row in range(int(min(ay, by, cy)), int(max(ay, by, cy)) + 1):
                for column in range(int(min(ax, bx, cx)), int(max(ax, bx, cx)) + 1):
                    if (
                        (bx - ax) * (row - ay) - (by - ay) * (column - ax) <= INSIDE
                        or (cx - bx) * (row - by) - (cy - by) * (column - bx) <= INSIDE
                        or (ax - cx) * (row - cy) - (ay - cy) * (column - cx) <= INSIDE
                    ):
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
