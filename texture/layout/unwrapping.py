"""Texture coordinates for meshes that come without, such as SMPL's own files (xatlas)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geometry.mesh import TriangleMesh
from texture.errors import TextureError


def unwrapped(mesh: TriangleMesh) -> TriangleMesh:
    """The mesh with texture coordinates in one atlas; unchanged where it has some.

    About 3 s for 14,000 faces, and the same for the same mesh. Raises TextureError when xatlas is not installed.
    """
    if mesh.uv is not None and mesh.uv_faces is not None:
        return mesh
    try:
        import xatlas
    except ImportError:
        raise TextureError(
            "the body model has no texture coordinates and the package that makes them is missing; "
            "run: pip install xatlas"
        ) from None
    _, uv_faces, uv = xatlas.parametrize(
        np.ascontiguousarray(mesh.vertices, np.float32), np.ascontiguousarray(mesh.faces, np.uint32)
    )
    return replace(mesh, uv=uv.astype(np.float64), uv_faces=uv_faces.astype(np.int64))
