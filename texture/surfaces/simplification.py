"""Fewer triangles with the same shape: edges collapse in order of quadric error, and never break the surface (numba).

Garland and Heckbert 1997, in sweeps of growing error instead of a heap. An edge collapses only when its two ends have
exactly two neighbours in common (the link condition), so that a closed, edge-manifold mesh stays one, and when no
triangle turns over. The usual quick simplifiers check the latter only: of the closed surfaces of people cut to 20,000
faces by fast-simplification, every one had edges with four faces (15 to 138).
"""

from __future__ import annotations

import numba as nb
import numpy as np

from geometry.mesh import TriangleMesh
from texture.surfaces.topology import compacted

SWEEP_SHARE = 0.25
"""Part of the triangles whose cheapest edge may go in a sweep: half of it costs twice the sweeps, for 1% less error."""
KEEP_TURN = 0.3
"""Cosine between a triangle's normals before and after; slivers turn easily."""
MIDDLE_PULL = 1e-3
"""Of the quadrics toward the middle of the edge: decides where a flat place leaves the new vertex free."""


def simplified(mesh: TriangleMesh, faces: int) -> TriangleMesh:
    """The mesh with about so many faces, at most one more; the same mesh where it has no more than that.

    A closed, edge-manifold mesh keeps to be one, with the same handles and pieces. More faces stay where no further
    edge can collapse. Texture coordinates are not kept.
    """
    if len(mesh.faces) <= faces:
        return mesh
    middle = mesh.vertices.mean(0)
    points = np.ascontiguousarray(mesh.vertices - middle, np.float64)
    corners = np.array(mesh.faces, np.int32)
    refs, start, count = incident_faces(corners, len(points))
    quadrics = vertex_quadrics(points, corners)
    error = np.empty((len(corners), 3), np.float32)
    all_errors(points, quadrics, corners, MIDDLE_PULL, error)
    alive = np.ones(len(corners), np.bool_)
    left, before = len(corners), 0
    stamp = np.zeros(len(points), np.int32)
    marks = np.zeros(1, np.int32)
    while left > faces and before != left and marks[0] < np.iinfo(np.int32).max // 2:
        before = left
        lowest = error[alive].min(1)
        limit = np.partition(lowest, int(SWEEP_SHARE * (len(lowest) - 1)))[int(SWEEP_SHARE * (len(lowest) - 1))]
        work = points, quadrics, corners, alive, error, start, count, stamp, marks
        refs, left = sweep(*work, refs, np.float32(limit), left, faces, MIDDLE_PULL, KEEP_TURN)
    kept = TriangleMesh(vertices=points + middle, faces=corners[alive])
    return compacted(kept)[0]


@nb.njit(cache=True, nogil=True)
def incident_faces(faces, vertices):
    """The faces around each vertex: a list of all, and where each vertex's part starts and how long it is."""
    count = np.zeros(vertices, np.int32)
    for f in range(len(faces)):
        for c in range(3):
            count[faces[f, c]] += 1
    start = np.zeros(vertices, np.int64)
    for v in range(1, vertices):
        start[v] = start[v - 1] + count[v - 1]
    refs = np.empty(12 * len(faces), np.int32)
    filled = np.zeros(vertices, np.int32)
    for f in range(len(faces)):
        for c in range(3):
            v = faces[f, c]
            refs[start[v] + filled[v]] = f
            filled[v] += 1
    return refs[: 3 * len(faces)].copy(), start, count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def vertex_quadrics(points, faces):
    """Sum of the squared distances from the planes around each vertex, by area: xx xy xz yy yz zz, x y z, 1."""
    quadrics = np.zeros((len(points), 10))
    for f in range(len(faces)):
        a, b, c = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        n = np.cross(b - a, c - a)
        length = np.sqrt((n * n).sum())
        if length == 0:
            continue
        n = n / length
        d = -(n * a).sum()
        for corner in range(3):
            q = quadrics[faces[f, corner]]
            w = length / 6
            q[0] += w * n[0] * n[0]
            q[1] += w * n[0] * n[1]
            q[2] += w * n[0] * n[2]
            q[3] += w * n[1] * n[1]
            q[4] += w * n[1] * n[2]
            q[5] += w * n[2] * n[2]
            q[6] += w * n[0] * d
            q[7] += w * n[1] * d
            q[8] += w * n[2] * d
            q[9] += w * d * d
    return quadrics


@nb.njit(nogil=True, error_model="numpy", inline="always")
def _best(points, quadrics, u, v, pull):
    """Where the edge's vertex goes, and what that costs."""
    mx = 0.5 * (points[u, 0] + points[v, 0])
    my = 0.5 * (points[u, 1] + points[v, 1])
    mz = 0.5 * (points[u, 2] + points[v, 2])
    xx, xy, xz = quadrics[u, 0] + quadrics[v, 0], quadrics[u, 1] + quadrics[v, 1], quadrics[u, 2] + quadrics[v, 2]
    yy, yz, zz = quadrics[u, 3] + quadrics[v, 3], quadrics[u, 4] + quadrics[v, 4], quadrics[u, 5] + quadrics[v, 5]
    bx, by, bz = quadrics[u, 6] + quadrics[v, 6], quadrics[u, 7] + quadrics[v, 7], quadrics[u, 8] + quadrics[v, 8]
    d = quadrics[u, 9] + quadrics[v, 9]
    # the gradient at the middle, then one Newton step: exact for a quadric
    gx = xx * mx + xy * my + xz * mz + bx
    gy = xy * mx + yy * my + yz * mz + by
    gz = xz * mx + yz * my + zz * mz + bz
    cost = gx * mx + gy * my + gz * mz + bx * mx + by * my + bz * mz + d
    p = pull * (xx + yy + zz) + 1e-30
    xx, yy, zz = xx + p, yy + p, zz + p
    c00, c01, c02 = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    c11, c12, c22 = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    det = xx * c00 + xy * c01 + xz * c02
    sx = -(c00 * gx + c01 * gy + c02 * gz) / det
    sy = -(c01 * gx + c11 * gy + c12 * gz) / det
    sz = -(c02 * gx + c12 * gy + c22 * gz) / det
    cost += gx * sx + gy * sy + gz * sz
    return mx + sx, my + sy, mz + sz, max(cost, 0.0)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def all_errors(points, quadrics, faces, pull, error):
    """Cost of each edge of each face: corner c to the next."""
    for f in range(len(faces)):
        for c in range(3):
            error[f, c] = _best(points, quadrics, faces[f, c], faces[f, (c + 1) % 3], pull)[3]


@nb.njit(cache=True, nogil=True)
def _is_linked(faces, alive, refs, start, count, u, v, stamp, marks):
    """Whether u and v share two neighbours, neither of which would be left with two faces."""
    marks[0] += 2
    near, both = marks[0] - 1, marks[0]
    for r in range(start[u], start[u] + count[u]):
        if alive[refs[r]]:
            for c in range(3):
                stamp[faces[refs[r], c]] = near
    shared = 0
    for r in range(start[v], start[v] + count[v]):
        if not alive[refs[r]]:
            continue
        for c in range(3):
            w = faces[refs[r], c]
            if w != u and w != v and stamp[w] == near:
                stamp[w] = both
                shared += 1
                around = 0
                for s in range(start[w], start[w] + count[w]):
                    around += alive[refs[s]]
                if around <= 3:
                    return False
    return shared == 2


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _turns_over(points, faces, alive, refs, start, count, u, v, x, y, z, keep_turn):
    """Whether a face around u that does not go would turn too far with u at the new place."""
    for r in range(start[u], start[u] + count[u]):
        f = refs[r]
        if not alive[f]:
            continue
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if a == v or b == v or c == v:
            continue
        if b == u:
            a, b, c = b, c, a
        elif c == u:
            a, b, c = c, a, b
        ex, ey, ez = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        fx, fy, fz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = ey * fz - ez * fy, ez * fx - ex * fz, ex * fy - ey * fx
        gx, gy, gz = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
        hx, hy, hz = points[c, 0] - x, points[c, 1] - y, points[c, 2] - z
        mx, my, mz = gy * hz - gz * hy, gz * hx - gx * hz, gx * hy - gy * hx
        before, after = np.sqrt(nx * nx + ny * ny + nz * nz), np.sqrt(mx * mx + my * my + mz * mz)
        if nx * mx + ny * my + nz * mz < keep_turn * before * after or after < 0.02 * (
            gx * gx + gy * gy + gz * gz + hx * hx + hy * hy + hz * hz
        ):
            return True
    return False


@nb.njit(cache=True, nogil=True, error_model="numpy")
def sweep(
    points,
    quadrics,
    faces,
    alive,
    error,
    start,
    count,
    stamp,
    marks,
    refs,
    limit,
    left,
    target,
    pull,
    keep_turn,
):
    """Collapses edges up to the limit until the target is met; returns the lists and the faces left."""
    free = len(refs)
    pool = np.empty(2 * len(refs) + 1024, np.int32)
    pool[:free] = refs
    for f in range(len(faces)):
        if left <= target:
            break
        for c in range(3):
            if not alive[f] or error[f, c] > limit:
                continue
            u, v = faces[f, c], faces[f, (c + 1) % 3]
            x, y, z, _ = _best(points, quadrics, u, v, pull)
            if not _is_linked(faces, alive, pool, start, count, u, v, stamp, marks):
                continue
            if _turns_over(points, faces, alive, pool, start, count, u, v, x, y, z, keep_turn):
                continue
            if _turns_over(points, faces, alive, pool, start, count, v, u, x, y, z, keep_turn):
                continue
            needed = count[u] + count[v]
            if free + needed > len(pool):
                larger = np.empty(2 * len(pool) + needed, np.int32)
                larger[:free] = pool[:free]
                pool = larger
            points[u, 0], points[u, 1], points[u, 2] = x, y, z
            for n in range(10):
                quadrics[u, n] += quadrics[v, n]
            begin = free
            for w in (u, v):
                for r in range(start[w], start[w] + count[w]):
                    g = pool[r]
                    if not alive[g]:
                        continue
                    has_u = faces[g, 0] == u or faces[g, 1] == u or faces[g, 2] == u
                    has_v = faces[g, 0] == v or faces[g, 1] == v or faces[g, 2] == v
                    if has_u and has_v:
                        alive[g] = False
                        left -= 1
                        continue
                    if w == v:
                        for n in range(3):
                            if faces[g, n] == v:
                                faces[g, n] = u
                    pool[free] = g
                    free += 1
            start[u], count[u] = begin, free - begin
            count[v] = 0
            for r in range(begin, free):
                g = pool[r]
                for n in range(3):
                    if faces[g, n] == u or faces[g, (n + 1) % 3] == u:
                        error[g, n] = _best(points, quadrics, faces[g, n], faces[g, (n + 1) % 3], pull)[3]
            break
    return pool[:free].copy(), left
