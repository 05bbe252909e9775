"""Keep points outside a posed body: nearest surface points by walking and by a grid, and a push along the normal."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Int32, Integer

from body.garments.kernels import COMPILED

_CELL_M = 0.02
"""Grid cell: penetrations by another body part are found up to this deep."""
_FAR_M = 0.025
"""A point this much farther than its clearance from the nearest vertex is clear of that vertex's faces too."""


_DEEP_M, _TOO_DEEP_M = 0.025, 0.05
"""From the first depth on a point is pushed out less, from the second not at all: then it is another part's."""
_CURVED_M = 0.006
"""By so much the surface may rise over the plane of its nearest vertex (its edges are 15 mm long)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyTopology:
    """Neighbours of each vertex of a body: those of vertex v are `vertices[starts[v]:starts[v + 1]]`."""

    faces: Int32[np.ndarray, "faces 3"]
    starts: Int32[np.ndarray, "vertices_plus_one"]
    vertices: Int32[np.ndarray, "neighbours"]
    face_starts: Int32[np.ndarray, "vertices_plus_one"]
    face_lists: Int32[np.ndarray, "corners"]

    @classmethod
    def of(cls, faces: Integer[np.ndarray, "faces 3"], vertex_count: int) -> BodyTopology:
        """The topology of a triangle mesh."""
        starts, vertices = neighbours(faces, vertex_count)
        corner_vertex = np.asarray(faces).ravel()
        order = np.argsort(corner_vertex, kind="stable")
        counts = np.bincount(corner_vertex, minlength=vertex_count)
        return cls(
            faces=np.ascontiguousarray(faces, np.int32),
            starts=starts,
            vertices=vertices,
            face_starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
            face_lists=(order // 3).astype(np.int32),
        )


def neighbours(
    faces: Integer[np.ndarray, "faces 3"], vertex_count: int
) -> tuple[Int32[np.ndarray, "vertices_plus_one"], Int32[np.ndarray, "neighbours"]]:
    """Starts and lists of the vertices that share an edge with each vertex."""
    faces = np.asarray(faces, np.int64)
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return grouped(np.concatenate([pairs, pairs[:, ::-1]]), vertex_count)


def grouped(
    pairs: Integer[np.ndarray, "pairs 2"], vertex_count: int
) -> tuple[Int32[np.ndarray, "vertices_plus_one"], Int32[np.ndarray, "neighbours"]]:
    """Starts and lists of the second entries for each first entry, without repetition."""
    keys = np.sort(pairs[:, 0].astype(np.int64) * vertex_count + pairs[:, 1])
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys
    counts = np.bincount(keys // vertex_count, minlength=vertex_count)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32), (keys % vertex_count).astype(np.int32)


@nb.njit(**COMPILED)
def vertex_normals(vertices, faces):
    """(V, 3) area-weighted unit normals."""
    normals = np.zeros_like(vertices)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for i in range(len(vertices)):
        size = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        if size > 1e-30:
            normals[i] /= size
    return normals


@nb.njit(**COMPILED)
def _closest_weights(abx, aby, abz, acx, acy, acz, apx, apy, apz):
    """Barycentric weights (of b and c) of the point of triangle abc nearest to p (Ericson 2005, 5.1.5)."""
    d1, d2 = abx * apx + aby * apy + abz * apz, acx * apx + acy * apy + acz * apz
    if d1 <= 0 and d2 <= 0:
        return 0.0, 0.0
    bpx, bpy, bpz = apx - abx, apy - aby, apz - abz
    d3, d4 = abx * bpx + aby * bpy + abz * bpz, acx * bpx + acy * bpy + acz * bpz
    if d3 >= 0 and d4 <= d3:
        return 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        return d1 / (d1 - d3), 0.0
    cpx, cpy, cpz = apx - acx, apy - acy, apz - acz
    d5, d6 = abx * cpx + aby * cpy + abz * cpz, acx * cpx + acy * cpy + acz * cpz
    if d6 >= 0 and d5 <= d6:
        return 0.0, 1.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        return 0.0, d2 / (d2 - d6)
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        t = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 1.0 - t, t
    total = va + vb + vc
    if total <= 0:
        return 0.0, 0.0
    return vb / total, vc / total


@nb.njit(**COMPILED)
def _walk(x, y, z, vertex, body, starts, lists):
    """The vertex that is nearer to a point than all its neighbours, downhill from a start; its squared distance."""
    best = (x - body[vertex, 0]) ** 2 + (y - body[vertex, 1]) ** 2 + (z - body[vertex, 2]) ** 2
    while True:
        moved = vertex
        for k in range(starts[vertex], starts[vertex + 1]):
            v = lists[k]
            d = (x - body[v, 0]) ** 2 + (y - body[v, 1]) ** 2 + (z - body[v, 2]) ** 2
            if d < best:
                best, moved = d, v
        if moved == vertex:
            return vertex, best
        vertex = moved


@nb.njit(**COMPILED)
def _surface_near(p, vertex, body, normals, faces, face_starts, face_lists, out):
    """Signed distance of p to the faces around a vertex; `out` gets the nearest point (0:3) and normal (3:6)."""
    best = np.inf
    for k in range(face_starts[vertex], face_starts[vertex + 1]):
        f = face_lists[k]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = body[a, 0], body[a, 1], body[a, 2]
        ux, uy, uz = body[b, 0] - ax, body[b, 1] - ay, body[b, 2] - az
        vx, vy, vz = body[c, 0] - ax, body[c, 1] - ay, body[c, 2] - az
        u, v = _closest_weights(ux, uy, uz, vx, vy, vz, p[0] - ax, p[1] - ay, p[2] - az)
        w = 1 - u - v
        qx, qy, qz = ax + u * ux + v * vx, ay + u * uy + v * vy, az + u * uz + v * vz
        d = (p[0] - qx) ** 2 + (p[1] - qy) ** 2 + (p[2] - qz) ** 2
        if d < best:
            best = d
            out[0], out[1], out[2] = qx, qy, qz
            for i in range(3):
                out[3 + i] = w * normals[a, i] + u * normals[b, i] + v * normals[c, i]
    size = np.sqrt(out[3] ** 2 + out[4] ** 2 + out[5] ** 2) + 1e-30
    for i in range(3):
        out[3 + i] /= size
    side = (p[0] - out[0]) * out[3] + (p[1] - out[1]) * out[4] + (p[2] - out[2]) * out[5]
    return np.sqrt(best) if side >= 0 else -np.sqrt(best)


@nb.njit(**COMPILED)
def fill_grid(body, low, cell, shape):
    """Body vertices sorted by grid cell: starts of each cell, and the vertices."""
    cells = np.empty(len(body), np.int64)
    counts = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int32)
    for i in range(len(body)):
        x, y, z = (
            int((body[i, 0] - low[0]) / cell),
            int((body[i, 1] - low[1]) / cell),
            int((body[i, 2] - low[2]) / cell),
        )
        cells[i] = (x * shape[1] + y) * shape[2] + z
        counts[cells[i] + 1] += 1
    for i in range(len(counts) - 1):
        counts[i + 1] += counts[i]
    order, fill = np.empty(len(body), np.int32), counts.copy()
    for i in range(len(body)):
        order[fill[cells[i]]] = i
        fill[cells[i]] += 1
    return counts, order


@nb.njit(**COMPILED)
def _nearest_in_grid(px, py, pz, body, low, cell, shape, counts, order):
    best, nearest = cell * cell, -1
    x, y, z = int((px - low[0]) // cell), int((py - low[1]) // cell), int((pz - low[2]) // cell)
    z0, z1 = max(z - 1, 0), min(z + 1, shape[2] - 1)
    if z1 < z0:
        return nearest, best
    for i in range(max(x - 1, 0), min(x + 2, shape[0])):
        for j in range(max(y - 1, 0), min(y + 2, shape[1])):
            row = (i * shape[1] + j) * shape[2]
            for k in range(counts[row + z0], counts[row + z1 + 1]):
                v = order[k]
                d = (px - body[v, 0]) ** 2 + (py - body[v, 1]) ** 2 + (pz - body[v, 2]) ** 2
                if d < best:
                    best, nearest = d, v
    return nearest, best


@nb.njit(**COMPILED)
def _push(p, distance, clearance, ceiling, out):
    if distance < clearance or distance > ceiling:
        gap = clearance if distance < clearance else ceiling
        share = min(max((distance + _TOO_DEEP_M) / (_TOO_DEEP_M - _DEEP_M), 0.0), 1.0)
        for i in range(3):
            p[i] += share * (out[i] + gap * out[3 + i] - p[i])


@nb.njit(**COMPILED)
def _push_out(points, clearance, ceiling, near, everywhere, body, normals, faces, starts, lists, face_starts,
              face_lists, low, cell, shape, counts, order):  # fmt: skip
    out = np.empty(6)
    for i in range(len(points)):
        p, gap, most = points[i], clearance[i], max(ceiling[i], clearance[i])
        if gap <= -1.0:
            continue
        own, square = _walk(p[0], p[1], p[2], near[i, 0], body, starts, lists)
        near[i, 0] = own
        if near[i, 1] >= 0:
            near[i, 1], d = _walk(p[0], p[1], p[2], near[i, 1], body, starts, lists)
            if d < (gap + _FAR_M) ** 2 and _height(p, near[i, 1], body, normals) < gap + _CURVED_M:
                d = _surface_near(p, near[i, 1], body, normals, faces, face_starts, face_lists, out)
                _push(p, d, gap, np.inf, out)
        if everywhere[i]:
            other, d = _nearest_in_grid(p[0], p[1], p[2], body, low, cell, shape, counts, order)
            if other >= 0 and other != own and d < square:
                d = _surface_near(p, other, body, normals, faces, face_starts, face_lists, out)
                _push(p, d, min(gap, 0.003), np.inf, out)
        height = _height(p, own, body, normals)
        if most < 1.0 or (height < gap + _CURVED_M and square < (gap + _TOO_DEEP_M + _FAR_M) ** 2):
            d = _surface_near(p, own, body, normals, faces, face_starts, face_lists, out)
            _push(p, d, gap, most, out)


@nb.njit(**COMPILED)
def _height(p, v, body, normals):
    """Metres over the plane through a vertex."""
    return (
        (p[0] - body[v, 0]) * normals[v, 0] + (p[1] - body[v, 1]) * normals[v, 1] + (p[2] - body[v, 2]) * normals[v, 2]
    )


@nb.njit(**COMPILED)
def _signed_distances(points, near, body, normals, faces, starts, lists, face_starts, face_lists):
    out, distances = np.empty(6), np.empty(len(points))
    for i in range(len(points)):
        p = points[i]
        near[i, 0], _ = _walk(p[0], p[1], p[2], near[i, 0], body, starts, lists)
        distances[i] = _surface_near(points[i], near[i, 0], body, normals, faces, face_starts, face_lists, out)
    return distances


@dataclass(frozen=True, slots=True, eq=False)
class PosedSurface:
    """A body's surface at one moment, prepared for contact."""

    topology: BodyTopology
    vertices: Float[np.ndarray, "vertices 3"]
    normals: Float[np.ndarray, "vertices 3"]
    low: Float[np.ndarray, "3"]
    shape: tuple[int, int, int]
    counts: Int32[np.ndarray, "cells_plus_one"]
    order: Int32[np.ndarray, "vertices"]

    @classmethod
    def of(cls, topology: BodyTopology, vertices: Float[np.ndarray, "vertices 3"]) -> PosedSurface:
        """Normals and grid of posed vertices."""
        vertices = np.ascontiguousarray(vertices, np.float64)
        low = vertices.min(0)
        x, y, z = ((vertices.max(0) - low) / _CELL_M).astype(int) + 1
        shape = (int(x), int(y), int(z))
        counts, order = fill_grid(vertices, low, _CELL_M, shape)
        return cls(topology, vertices, vertex_normals(vertices, topology.faces), low, shape, counts, order)

    def push_out(
        self,
        points: Float[np.ndarray, "points 3"],
        clearance: Float[np.ndarray, "points"],
        ceiling: Float[np.ndarray, "points"],
        near: Int32[np.ndarray, "points 2"],
        everywhere: Bool[np.ndarray, "points"],
    ) -> None:
        """Moves points, in place, to at least `clearance` and at most `ceiling` (metres) outside.

        `near` are body vertices from which the search starts, in place moved to the nearest; the second may be -1. Of
        two of the body's parts that leave no room between them, the first start's part wins. Where not
        `everywhere` other parts than those of the starts are not looked at. A clearance of -1 leaves its point alone.
        """
        t = self.topology
        walk = (self.vertices, self.normals, t.faces, t.starts, t.vertices, t.face_starts, t.face_lists)
        grid = (self.low, _CELL_M, self.shape, self.counts, self.order)
        _push_out(points, clearance, ceiling, near, everywhere, *walk, *grid)

    def signed_distances(
        self, points: Float[np.ndarray, "points 3"], near: Int32[np.ndarray, "points 2"]
    ) -> Float[np.ndarray, "points"]:
        """Metres from the part of the surface reached from `near[:, 0]`; negative inside."""
        t = self.topology
        return _signed_distances(
            points, near, self.vertices, self.normals, t.faces, t.starts, t.vertices, t.face_starts, t.face_lists
        )
