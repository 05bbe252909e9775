"""Where the naked skin is nearest to a point of the clothes: a walk over the skin from where it is bound (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float64, Int, Int32
from scipy.spatial import KDTree


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SkinTopology:
    """Neighbours of the naked body's vertices."""

    starts: Int32[np.ndarray, "vertices_plus_one"]
    """Of each vertex's part of `around` and of `faces_at`."""
    around: Int32[np.ndarray, "neighbours"]
    """The next corner of each face of a vertex: its neighbours, in a closed surface."""
    faces_at: Int32[np.ndarray, "neighbours"]
    """The faces of each vertex."""
    faces: Int32[np.ndarray, "faces 3"]

    @classmethod
    def of(cls, faces: Int[np.ndarray, "faces 3"], vertex_count: int) -> SkinTopology:
        """Of a body model's faces."""
        faces = np.ascontiguousarray(faces, np.int32)
        corners = faces.ravel()
        order = np.argsort(corners, kind="stable")
        starts = np.zeros(vertex_count + 1, np.int32)
        np.cumsum(np.bincount(corners, minlength=vertex_count), out=starts[1:])
        following = np.roll(faces, -1, axis=1).ravel()
        return cls(
            starts=starts,
            around=np.ascontiguousarray(following[order]),
            faces_at=(order // 3).astype(np.int32),
            faces=faces,
        )


def bind(
    surface: Float[np.ndarray, "points 3"], vertices: Float[np.ndarray, "vertices 3"]
) -> Int32[np.ndarray, "points"]:
    """The skin vertex nearest to each point of a dressed surface, whose first points are the skin itself."""
    own = np.arange(len(vertices))
    cloth = KDTree(vertices).query(surface[len(vertices) :])[1]
    return np.concatenate([own, np.asarray(cloth)]).astype(np.int32)


def nearest_skin(
    p: Float[np.ndarray, "points 3"],
    corners: Int32[np.ndarray, "points 3"],
    bound: Int32[np.ndarray, "dressed"],
    first: Int32[np.ndarray, "points"],
    vertices: Float64[np.ndarray, "vertices 3"],
    topology: SkinTopology,
) -> Float64[np.ndarray, "points 3"]:
    """The point of the skin nearest to each point; NaN for points with `first` -1.

    `corners` are the vertices of the dressed faces that the points were seen on, `bound` the skin vertex of each
    dressed vertex (both indices into all people's vertices); `first` is the first vertex of the point's own person.
    The walk begins at the nearest of the corners' skin vertices and goes on to nearer neighbours; then the faces about
    the last vertex are searched. It ends at a local minimum: a hand before the chest has the hand's skin.
    """
    out = np.empty((len(p), 3))
    t = topology
    _walk(p, corners, bound, first, vertices, t.starts, t.around, t.faces_at, t.faces, out)
    return out


@nb.njit(inline="always")
def _square(vertices, n, x, y, z):
    dx, dy, dz = vertices[n, 0] - x, vertices[n, 1] - y, vertices[n, 2] - z
    return dx * dx + dy * dy + dz * dz


@nb.njit(cache=True, error_model="numpy")
def _walk(p, corners, bound, first, vertices, starts, around, faces_at, faces, out):
    for n in range(len(p)):
        base = first[n]
        if base < 0:
            out[n] = np.nan
            continue
        x, y, z = float(p[n, 0]), float(p[n, 1]), float(p[n, 2])
        here, least = np.int64(-1), np.inf
        for k in range(3):
            start = np.int64(bound[corners[n, k]])
            square = _square(vertices, start, x, y, z)
            if square < least:
                here, least = start, square
        here -= base
        best = here
        while best >= 0:
            here, best = best, np.int64(-1)
            for k in range(starts[here], starts[here + 1]):
                square = _square(vertices, base + around[k], x, y, z)
                if square < least:
                    best, least = np.int64(around[k]), square
        least = np.inf
        for k in range(starts[here], starts[here + 1]):
            f = faces_at[k]
            qx, qy, qz = _on_face(vertices, base + faces[f, 0], base + faces[f, 1], base + faces[f, 2], x, y, z)
            square = (qx - x) ** 2 + (qy - y) ** 2 + (qz - z) ** 2
            if square < least:
                least = square
                out[n, 0], out[n, 1], out[n, 2] = qx, qy, qz


@nb.njit(inline="always")
def _on_face(vertices, i, j, k, x, y, z):
    """The nearest point of a face: of its plane where that is inside, else of its edges."""
    ax, ay, az = vertices[i, 0], vertices[i, 1], vertices[i, 2]
    bx, by, bz = vertices[j, 0] - ax, vertices[j, 1] - ay, vertices[j, 2] - az
    cx, cy, cz = vertices[k, 0] - ax, vertices[k, 1] - ay, vertices[k, 2] - az
    px, py, pz = x - ax, y - ay, z - az
    bb, bc, cc = bx * bx + by * by + bz * bz, bx * cx + by * cy + bz * cz, cx * cx + cy * cy + cz * cz
    pb, pc = px * bx + py * by + pz * bz, px * cx + py * cy + pz * cz
    area = bb * cc - bc * bc
    u, v = 0.0, 0.0
    if area > 0:
        u, v = (cc * pb - bc * pc) / area, (bb * pc - bc * pb) / area
    if not (area > 0 and u >= 0 and v >= 0 and u + v <= 1):
        best = np.inf
        for edge in range(3):
            if edge == 0:
                s, t = min(max(pb / bb if bb > 0 else 0.0, 0.0), 1.0), 0.0
            elif edge == 1:
                s, t = 0.0, min(max(pc / cc if cc > 0 else 0.0, 0.0), 1.0)
            else:
                along = bb - 2 * bc + cc
                t = min(max((bb - bc + pc - pb) / along if along > 0 else 0.0, 0.0), 1.0)
                s = 1 - t
            dx, dy, dz = px - s * bx - t * cx, py - s * by - t * cy, pz - s * bz - t * cz
            square = dx * dx + dy * dy + dz * dz
            if square < best:
                best, u, v = square, s, t
    return ax + u * bx + v * cx, ay + u * by + v * cy, az + u * bz + v * cz
