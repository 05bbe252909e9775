"""Which faces of a mesh touch which: the graph over which charts grow (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Int32, Integer

NOBODY = -1
"""No face across an edge: the mesh ends there, or three faces meet, or two that wind against each other."""


def face_neighbours(faces: Integer[np.ndarray, "faces 3"]) -> Int32[np.ndarray, "faces 3"]:
    """The face across the edge from corner k to corner k + 1 of each face; `NOBODY` where there is not exactly one.

    An edge joins two faces only if they walk it in opposite directions, once each.
    """
    faces = np.ascontiguousarray(faces, np.int64)
    count = int(faces.max()) + 1 if len(faces) else 0
    start, end = faces, np.roll(faces, -1, axis=1)
    forward = (start * count + end).ravel()
    order = np.argsort(forward, kind="stable")
    neighbours = np.full(faces.size, NOBODY, np.int32)
    _match(forward[order], order, (end * count + start).ravel(), neighbours)
    return neighbours.reshape(faces.shape)


@nb.njit(cache=True)
def _match(sorted_keys, order, wanted, neighbours):
    """For each directed edge, the face of the one directed edge that runs the other way; none where several do."""
    for i in range(len(wanted)):
        key = wanted[i]
        low, high = 0, len(sorted_keys)
        while low < high:
            middle = (low + high) // 2
            if sorted_keys[middle] < key:
                low = middle + 1
            else:
                high = middle
        if low == len(sorted_keys) or sorted_keys[low] != key:
            continue
        if low + 1 < len(sorted_keys) and sorted_keys[low + 1] == key:
            continue
        neighbours[i] = order[low] // 3
    for i in range(len(wanted)):  # an edge walked twice in one direction joins nobody, from either side
        other = neighbours[i]
        if other < 0:
            continue
        back = False
        for k in range(3):
            if neighbours[3 * other + k] == i // 3:
                back = True
        if not back:
            neighbours[i] = -1
