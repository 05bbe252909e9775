"""Float64 answers on a face that a float32 search has chosen (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Integer

# Outside this much of the face the float64 plane intersection is not the hit that Embree found (a sliver seen edge-on).
_OUTSIDE = 1e-3


@nb.njit(cache=True)
def meet_planes(o, d, vertices, faces, rays, face, t, uv):
    """Replaces t and uv of the given rays, in place, by the exact meeting of ray and face (Möller & Trumbore 1997)."""
    for i in rays:
        a, b, c = vertices[faces[face[i], 0]], vertices[faces[face[i], 1]], vertices[faces[face[i], 2]]
        e1, e2 = b - a, c - a
        p = np.cross(d[i], e2)
        determinant = np.dot(e1, p)
        if determinant == 0.0:
            continue
        s = o[i] - a
        u = np.dot(s, p) / determinant
        q = np.cross(s, e1)
        v = np.dot(d[i], q) / determinant
        if u >= -_OUTSIDE and v >= -_OUTSIDE and u + v <= 1.0 + _OUTSIDE:
            t[i], uv[i, 0], uv[i, 1] = np.dot(e2, q) / determinant, u, v


def barycentric_points(
    p: Float[np.ndarray, "points 3"],
    vertices: Float[np.ndarray, "vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
    face: Integer[np.ndarray, "points"],
) -> tuple[Float[np.ndarray, "points 3"], Float[np.ndarray, "points 3"]]:
    """The point of the given face closest to each point, and its barycentric weights."""
    bary = np.empty((len(p), 3))
    _closest_on_faces(np.ascontiguousarray(p), vertices, faces, face, bary)
    return np.einsum("nk,nkd->nd", bary, vertices[faces[face]]), bary


@nb.njit(cache=True)
def _closest_on_faces(p, vertices, faces, face, bary):
    """Ericson, Real-Time Collision Detection (2005), section 5.1.5: regions of a triangle's corners, edges, inside."""
    for i in range(len(p)):
        a, b, c = vertices[faces[face[i], 0]], vertices[faces[face[i], 1]], vertices[faces[face[i], 2]]
        ab, ac = b - a, c - a
        d1, d2 = np.dot(ab, p[i] - a), np.dot(ac, p[i] - a)
        d3, d4 = np.dot(ab, p[i] - b), np.dot(ac, p[i] - b)
        d5, d6 = np.dot(ab, p[i] - c), np.dot(ac, p[i] - c)
        va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
        if d1 <= 0 and d2 <= 0:
            u, v, w = 1.0, 0.0, 0.0
        elif d3 >= 0 and d4 <= d3:
            u, v, w = 0.0, 1.0, 0.0
        elif d6 >= 0 and d5 <= d6:
            u, v, w = 0.0, 0.0, 1.0
        elif vc <= 0 and d1 >= 0 and d3 <= 0:
            v = d1 / (d1 - d3)
            u, w = 1.0 - v, 0.0
        elif vb <= 0 and d2 >= 0 and d6 <= 0:
            w = d2 / (d2 - d6)
            u, v = 1.0 - w, 0.0
        elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
            w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
            u, v = 0.0, 1.0 - w
        else:
            v, w = vb / (va + vb + vc), vc / (va + vb + vc)
            u = 1.0 - v - w
        bary[i, 0], bary[i, 1], bary[i, 2] = u, v, w
