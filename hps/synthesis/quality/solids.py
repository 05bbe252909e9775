"""Whether and how deep points lie inside closed surfaces."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Integer

from geometry.rays import RayScene

CHUNK: Final = 64
"""Points at a time, to keep arrays of points by faces small."""
COLUMN_M: Final = 0.05
"""Points of a chunk come from upright columns of this width, so that few faces are above and below them."""


def inside(
    points: Float[np.ndarray, "points 3"], corners: Float[np.ndarray, "faces 3 3"]
) -> Bool[np.ndarray, "points"]:
    """Whether each point is inside: a ray upwards leaves the surface more often than it enters it.

    The surface is closed and its faces turn outwards; it may be several pieces that go through each other. A ray
    through an edge counts for one of its two faces, because each edge is judged in the same direction by both.
    """
    found = np.zeros(len(points), bool)
    if not len(points):
        return found
    low = np.minimum(np.minimum(corners[:, 0], corners[:, 1]), corners[:, 2])
    high = np.maximum(np.maximum(corners[:, 0], corners[:, 1]), corners[:, 2])
    near = _above(points, low, high)
    corners, low, high = corners[near], low[near], high[near]
    column = np.floor(points[:, :2] / COLUMN_M)
    order = np.lexsort((points[:, 1], column[:, 1], column[:, 0]))
    for start in range(0, len(points), CHUNK):
        index = order[start : start + CHUNK]
        p = points[index]
        found[index] = _crossings(p[:, None], corners[_above(p, low, high)]) > 0
    return found


def _above(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which of the boxes can be above any of the points."""
    (left, front, bottom), (right, back, _) = points.min(0), points.max(0)
    beside = (low[:, 0] <= right) & (high[:, 0] >= left) & (low[:, 1] <= back) & (high[:, 1] >= front)
    return beside & (high[:, 2] >= bottom)


def _crossings(p: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """How often a ray upwards from each point leaves the surface, less how often it enters."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normals = np.cross(b - a, c - a)
    sides = np.stack([_left_of(p, u, v) for u, v in ((a, b), (b, c), (c, a))])
    through = sides.all(0).astype(np.int64) - (~sides).all(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        height = a[:, 2] - ((p[..., :2] - a[:, :2]) * normals[:, :2]).sum(-1) / normals[:, 2]
    return np.where(height > p[..., 2], through, 0).sum(1)


def _left_of(p: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether p is left of the line from u to v, seen from above; the same line backwards says the opposite."""
    turn = (u[:, 0] > v[:, 0]) | ((u[:, 0] == v[:, 0]) & (u[:, 1] > v[:, 1]))
    start, end = np.where(turn[:, None], v, u), np.where(turn[:, None], u, v)
    area = (end[:, 0] - start[:, 0]) * (p[..., 1] - start[:, 1]) - (end[:, 1] - start[:, 1]) * (p[..., 0] - start[:, 0])
    return (area > 0) ^ turn


def depth_inside(
    points: Float[np.ndarray, "points 3"],
    vertices: Float[np.ndarray, "vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
) -> float:
    """How deep the deepest point lies inside a closed surface, metres; 0 when all are outside.

    Depth is the distance to the nearest point of the surface, so at least that much is wrong.
    """
    low, high = vertices.min(0), vertices.max(0)
    candidates = points[((points > low) & (points < high)).all(1)]
    if not len(candidates):
        return 0.0
    within = candidates[inside(candidates, vertices[faces])]
    return float(RayScene(vertices, faces).closest(within).distance.max()) if len(within) else 0.0
