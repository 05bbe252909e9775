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
    q, faces = np.asarray(plane, np.float64) / cell, np.ascontiguousarray(faces, np.int64)
    order = np.argsort(chart_of_face, kind="stable")
    found = []
    for members in np.split(order, np.cumsum(np.bincount(chart_of_face))[:-1]):
        corners = q[faces[members]] - q[faces[members]].min((0, 1))
        width, height = (int(x) + 2 for x in corners.max((0, 1)))
        first = _twice(corners, faces, members, np.full((height, width), -1, np.int32))
        found.append((-1, -1) if first[0] < 0 else first)
    return np.array(found, np.int64)


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


@nb.njit(cache=True, error_model="numpy")
def _twice(corners, faces, members, owner):
    """The first two faces of a chart, without a common vertex, over one cell; (-1, -1) if none. Fills the owners."""
    for m in range(len(members)):
        ax, ay, bx, by = corners[m, 0, 0], corners[m, 0, 1], corners[m, 1, 0], corners[m, 1, 1]
        cx, cy = corners[m, 2, 0], corners[m, 2, 1]
        if (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) < 0:
            bx, by, cx, cy = cx, cy, bx, by
        for row in range(int(min(ay, by, cy)), int(max(ay, by, cy)) + 1):
            for column in range(int(min(ax, bx, cx)), int(max(ax, bx, cx)) + 1):
                if (
                    (bx - ax) * (row - ay) - (by - ay) * (column - ax) <= INSIDE
                    or (cx - bx) * (row - by) - (cy - by) * (column - bx) <= INSIDE
                    or (ax - cx) * (row - cy) - (ay - cy) * (column - cx) <= INSIDE
                ):
                    continue
                if owner[row, column] >= 0:
                    one, other = members[owner[row, column]], members[m]
                    shared = False
                    for i in range(3):
                        for j in range(3):
                            shared = shared or faces[one, i] == faces[other, j]
                    if not shared:
                        return one, other
                owner[row, column] = m
    return -1, -1
