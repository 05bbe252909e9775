"""Which faces of a mesh touch which: the graph over which charts grow."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int32, Integer
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

NOBODY = -1
"""No face across an edge: the mesh ends there, or three faces meet, or two that wind against each other."""


def face_neighbours(faces: Integer[np.ndarray, "faces 3"]) -> Int32[np.ndarray, "faces 3"]:
    """The face across the edge from corner k to corner k + 1 of each face; `NOBODY` where there is not exactly one.

    An edge joins two faces only if they walk it in opposite directions, once each.
    """
    faces = np.ascontiguousarray(faces, np.int64)
    if not len(faces):
        return np.empty((0, 3), np.int32)
    count = int(faces.max()) + 1
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    forward, back = start * count + end, end * count + start
    order = np.argsort(forward, kind="stable")
    ordered = forward[order]
    place = np.minimum(np.searchsorted(ordered, back), len(ordered) - 1)
    once = np.ones(len(ordered), np.bool_)
    same = ordered[1:] == ordered[:-1]
    once[1:][same] = False
    once[:-1][same] = False
    walked_once = np.empty(len(ordered), np.bool_)
    walked_once[order] = once
    joined = (ordered[place] == back) & once[place] & walked_once
    return np.where(joined, order[place] // 3, NOBODY).astype(np.int32).reshape(faces.shape)


def connected(
    labels: Integer[np.ndarray, "faces"], neighbours: Int32[np.ndarray, "faces 3"]
) -> Int32[np.ndarray, "faces"]:
    """Labels from 0 such that each is one connected piece: what touches and shares a label shares a number."""
    face, side = np.nonzero((neighbours >= 0) & (labels[neighbours] == labels[:, None]))
    other = neighbours[face, side]
    graph = coo_matrix((np.ones(len(face), np.int8), (face, other)), (len(labels), len(labels)))
    return connected_components(graph, directed=False)[1].astype(np.int32)
