"""The body's point that a measured point belongs to: the nearest vertex with a like normal, then its triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from jaxtyping import Float, Int64

CELL_M = 0.03
"""Edge of the grid's cells; vertices of an adult are 5 to 25 mm apart."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ring:
    """The triangles around each vertex: those of vertex v are `faces[starts[v]:starts[v + 1]]`."""

    starts: Int64[np.ndarray, "entries"]
    faces: Int64[np.ndarray, "corners"]

    @classmethod
    def of(cls, faces: Int64[np.ndarray, "faces 3"], vertices: int) -> Ring:
        """Rings of all vertices."""
        corners = faces.ravel()
        order = np.argsort(corners, kind="stable")
        return cls(starts=np.searchsorted(corners[order], np.arange(vertices + 1)), faces=order // 3)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Match:
    """The points of a body that points of a cloud belong to."""

    face: Int64[np.ndarray, "points"]
    """-1 where no part of the body with a like normal is within reach; the rest is 0 there."""
    bary: Float[np.ndarray, "points 3"]
    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    """Of the body, outward; those of the corners, blended."""


def match_points(
    points: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    vertices: Float[np.ndarray, "vertices 3"],
    vertex_normals: Float[np.ndarray, "vertices 3"],
    faces: Int64[np.ndarray, "faces 3"],
    ring: Ring,
    reach_m: float,
    least_cosine: float,
) -> Match:
    """Matches of one frame: the nearest vertex within `reach_m` with a like normal, then its triangles."""
    face, bary, found, normal = _match(
        points, normals, vertices, vertex_normals, faces, ring.starts, ring.faces, reach_m, least_cosine, CELL_M
    )
    return Match(face=face, bary=bary, points=found, normals=normal)


@numba.njit(cache=True, nogil=True)
def _grid(vertices, cell):
    """Vertices sorted into cells: least corner, cells along each axis, start of each cell, vertices in order."""
    low = np.empty(3)
    size = np.empty(3, np.int64)
    for i in range(3):
        least, most = vertices[0, i], vertices[0, i]
        for v in range(len(vertices)):
            least, most = min(least, vertices[v, i]), max(most, vertices[v, i])
        low[i] = least
        size[i] = int((most - least) / cell) + 1
    starts = np.zeros(size[0] * size[1] * size[2] + 1, np.int64)
    of = np.empty(len(vertices), np.int64)
    for v in range(len(vertices)):
        x = int((vertices[v, 0] - low[0]) / cell)
        y = int((vertices[v, 1] - low[1]) / cell)
        of[v] = (x * size[1] + y) * size[2] + int((vertices[v, 2] - low[2]) / cell)
        starts[of[v] + 1] += 1
    for c in range(1, len(starts)):
        starts[c] += starts[c - 1]
    fill = starts[:-1].copy()
    order = np.empty(len(vertices), np.int64)
    for v in range(len(vertices)):
        order[fill[of[v]]] = v
        fill[of[v]] += 1
    return low, size, starts, order


@numba.njit(cache=True, nogil=True)
def _nearest(p, n, vertices, vertex_normals, low, size, starts, order, reach, least, cell):
    """The nearest vertex with a like normal, or -1. Shells of cells, until none can hold a nearer one."""
    best, found = reach * reach, -1
    center = np.empty(3, np.int64)
    for i in range(3):
        center[i] = int(np.floor((p[i] - low[i]) / cell))
    last = int(np.ceil(reach / cell))
    for shell in range(last + 1):
        if shell > 1 and found >= 0 and best <= ((shell - 1) * cell) ** 2:
            break
        for x in range(max(center[0] - shell, 0), min(center[0] + shell, size[0] - 1) + 1):
            edge_x = abs(x - center[0]) == shell
            for y in range(max(center[1] - shell, 0), min(center[1] + shell, size[1] - 1) + 1):
                step = 1 if edge_x or abs(y - center[1]) == shell else max(2 * shell, 1)
                for z in range(center[2] - shell, center[2] + shell + 1, step):
                    if z < 0 or z >= size[2]:
                        continue
                    c = (x * size[1] + y) * size[2] + z
                    for k in range(starts[c], starts[c + 1]):
                        v = order[k]
                        a, b, d = vertices[v, 0] - p[0], vertices[v, 1] - p[1], vertices[v, 2] - p[2]
                        squared = a * a + b * b + d * d
                        if squared < best:
                            m = vertex_normals[v]
                            if m[0] * n[0] + m[1] * n[1] + m[2] * n[2] > least:
                                best, found = squared, v
    return found


@numba.njit(cache=True, nogil=True)
def _closest_on_triangle(p, a, b, c, bary):
    """Barycentric weights of the closest point of a triangle (Ericson 2005, 5.1.5)."""
    ab0, ab1, ab2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    ac0, ac1, ac2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    ap0, ap1, ap2 = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    d1, d2 = ab0 * ap0 + ab1 * ap1 + ab2 * ap2, ac0 * ap0 + ac1 * ap1 + ac2 * ap2
    bary[:] = 0.0
    if d1 <= 0 and d2 <= 0:
        bary[0] = 1
        return
    aa, bb, cc = ab0 * ab0 + ab1 * ab1 + ab2 * ab2, ab0 * ac0 + ab1 * ac1 + ab2 * ac2, ac0 * ac0 + ac1 * ac1 + ac2 * ac2
    d3, d4, d5, d6 = d1 - aa, d2 - bb, d1 - bb, d2 - cc
    if d3 >= 0 and d4 <= d3:
        bary[1] = 1
        return
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        v = d1 / (d1 - d3) if d1 != d3 else 0.0
        bary[0], bary[1] = 1 - v, v
        return
    if d6 >= 0 and d5 <= d6:
        bary[2] = 1
        return
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        w = d2 / (d2 - d6) if d2 != d6 else 0.0
        bary[0], bary[2] = 1 - w, w
        return
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6)) if (d4 - d3) + (d5 - d6) != 0 else 0.0
        bary[1], bary[2] = 1 - w, w
        return
    total = va + vb + vc
    bary[1], bary[2] = vb / total, vc / total
    bary[0] = 1 - bary[1] - bary[2]


@numba.njit(cache=True, nogil=True)
def _match(points, normals, vertices, vertex_normals, faces, ring_starts, ring_faces, reach, least, cell):
    low, size, starts, order = _grid(vertices, cell)
    count = len(points)
    face, bary = np.full(count, -1, np.int64), np.zeros((count, 3))
    found, normal = np.zeros((count, 3)), np.zeros((count, 3))
    trial = np.empty(3)
    for n in range(count):
        p = points[n]
        v = _nearest(p, normals[n], vertices, vertex_normals, low, size, starts, order, reach, least, cell)
        if v < 0:
            continue
        best = np.inf
        for k in range(ring_starts[v], ring_starts[v + 1]):
            f = ring_faces[k]
            a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
            _closest_on_triangle(p, a, b, c, trial)
            squared = 0.0
            for i in range(3):
                squared += (trial[0] * a[i] + trial[1] * b[i] + trial[2] * c[i] - p[i]) ** 2
            if squared < best:
                best, face[n] = squared, f
                bary[n] = trial
        length = 0.0
        for i in range(3):
            for k in range(3):
                corner = faces[face[n], k]
                found[n, i] += bary[n, k] * vertices[corner, i]
                normal[n, i] += bary[n, k] * vertex_normals[corner, i]
            length += normal[n, i] ** 2
        normal[n] /= max(np.sqrt(length), 1e-12)
    return face, bary, found, normal
