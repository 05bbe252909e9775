"""Lays charts flat with as little stretch as possible (numba, scipy).

Each chart is projected along its mean normal, then relaxed towards a map that only turns every face: the local and
global steps of Liu et al., "A Local/Global Approach to Mesh Parameterization" (2008). All charts share one factorised
system. Flattened charts are in metres, at the scale of the surface.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

STEPS = 8
"""Local and global steps. The logarithm of the stretch, root mean square over four scanned people, is 0.27 as
projected, 0.047 after four steps, 0.042 after eight and 0.041 after twelve."""
COTANGENT = (0.05, 10.0)
"""Bounds of the edge weights: obtuse and sliver faces would make the system indefinite or stiff."""


def flattened(
    vertices: Float[np.ndarray, "corners 3"],
    faces: Integer[np.ndarray, "faces 3"],
    chart_of_face: Integer[np.ndarray, "faces"],
    steps: int = STEPS,
) -> Float[np.ndarray, "corners 2"]:
    """Plane coordinates of vertices that belong to one chart each, in metres, counter-clockwise faces staying so.

    Charts overlap each other (each lies near the origin), and may overlap themselves: see `overlaps`.
    """
    vertices, faces = np.ascontiguousarray(vertices, np.float64), np.ascontiguousarray(faces, np.int64)
    corners = vertices[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    charts = int(chart_of_face.max()) + 1
    axis = np.stack([np.bincount(chart_of_face, cross[:, k], charts) for k in range(3)], -1)
    chart = np.empty(len(vertices), np.int64)
    chart[faces] = chart_of_face[:, None]
    plane = _projected(vertices, axis[chart])
    flat, cotangent = _isometric(corners)
    solve, pinned, weight = _system(faces, cotangent, chart, charts, len(vertices))
    for _ in range(steps):
        right = np.zeros_like(plane)
        _turned(plane, faces, flat, cotangent, right)
        right[pinned] += weight * plane[pinned]
        plane = solve(right)
    return plane


def _projected(vertices: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Coordinates in the plane across an axis of its own for each vertex, such that (x, y, axis) is right-handed."""
    axis = axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-30)
    up = np.where(np.abs(axis[:, 2:]) < 0.9, np.array([0.0, 0, 1]), np.array([0.0, 1, 0]))
    x = np.cross(up, axis)
    x /= np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-30)
    y = np.cross(axis, x)
    return np.stack([(vertices * x).sum(-1), (vertices * y).sum(-1)], -1)


def _isometric(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each face laid flat by itself (faces, 3, 2), and the cotangent opposite to each edge k -> k + 1."""
    ab, ac = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    length = np.maximum(np.linalg.norm(ab, axis=-1), 1e-12)
    flat = np.zeros((len(corners), 3, 2))
    flat[:, 1, 0] = length
    flat[:, 2, 0] = (ab * ac).sum(-1) / length
    double_area = np.maximum(np.linalg.norm(np.cross(ab, ac), axis=-1), 1e-14)
    flat[:, 2, 1] = double_area / length
    opposite = flat[:, [2, 0, 1]]
    cotangent = ((flat - opposite) * (flat[:, [1, 2, 0]] - opposite)).sum(-1) / double_area[:, None]
    return flat, np.clip(cotangent, *COTANGENT)


def _system(faces: np.ndarray, cotangent: np.ndarray, chart: np.ndarray, charts: int, count: int):
    """The factorised Laplacian with one vertex of each chart held in place; returns solve, held vertices, weight."""
    a, b, w = faces.ravel(), np.roll(faces, -1, axis=1).ravel(), cotangent.ravel()
    pinned = np.full(charts, -1, np.int64)
    pinned[chart[::-1]] = np.arange(count)[::-1]
    weight = float(w.mean())
    rows = np.concatenate([a, b, a, b, pinned])
    columns = np.concatenate([b, a, a, b, pinned])
    values = np.concatenate([-w, -w, w, w, np.full(charts, weight)])
    laplacian = coo_matrix((values, (rows, columns)), (count, count)).tocsc()
    factor = splu(laplacian, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return factor.solve, pinned, weight


@nb.njit(cache=True, error_model="numpy")
def _turned(plane, faces, flat, cotangent, right):
    """Adds the right-hand sides: each face's own edges, turned as the face now lies in the plane."""
    for f in range(len(faces)):
        along, across = 0.0, 0.0  # of the rotation that fits best: cosine and sine, not yet of length one
        for k in range(3):
            i, j = faces[f, k], faces[f, (k + 1) % 3]
            w = cotangent[f, k]
            ux, uy = plane[i, 0] - plane[j, 0], plane[i, 1] - plane[j, 1]
            ex, ey = flat[f, k, 0] - flat[f, (k + 1) % 3, 0], flat[f, k, 1] - flat[f, (k + 1) % 3, 1]
            along += w * (ux * ex + uy * ey)
            across += w * (uy * ex - ux * ey)
        length = max(np.sqrt(along * along + across * across), 1e-30)
        c, s = along / length, across / length
        for k in range(3):
            i, j = faces[f, k], faces[f, (k + 1) % 3]
            w = cotangent[f, k]
            ex, ey = flat[f, k, 0] - flat[f, (k + 1) % 3, 0], flat[f, k, 1] - flat[f, (k + 1) % 3, 1]
            rx, ry = w * (c * ex - s * ey), w * (s * ex + c * ey)
            right[i, 0] += rx
            right[i, 1] += ry
            right[j, 0] -= rx
            right[j, 1] -= ry
