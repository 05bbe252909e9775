"""The texture's layout: which point of the surface each texel shows. Made once for a clip, placed at every instant."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, Int32, Integer

from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_uv
from texture.errors import TextureError

GUTTER = 4
"""Texels around each chart that repeat its border, for bilinear look-ups and the first mipmaps."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Texels:
    """Covered texels at one instant, in the world frame."""

    positions: Float32[np.ndarray, "texels 3"]
    normals: Float32[np.ndarray, "texels 3"]
    """Unit, outward, interpolated from the vertices."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Atlas:
    """A square texture of `size` texels; row 0 is its top, v = 1. Only covered texels are listed."""

    size: int
    faces: Integer[np.ndarray, "faces 3"]
    """Vertices of each face."""
    flat: Int32[np.ndarray, "texels"]
    """row * size + column of each covered texel, gutters included."""
    face: Int32[np.ndarray, "texels"]
    bary: Float32[np.ndarray, "texels 3"]

    @classmethod
    def of(
        cls,
        faces: Integer[np.ndarray, "faces 3"],
        uv: Float[np.ndarray, "uvs 2"] | None,
        uv_faces: Integer[np.ndarray, "faces 3"] | None,
        size: int,
    ) -> Atlas:
        """The atlas of a mesh. Raises TextureError when it has no texture coordinates."""
        if uv is None or uv_faces is None:
            raise TextureError(
                "the mesh has no texture coordinates; unwrap it first (texture.layout.unwrapping.unwrapped)"
            )
        raster = rasterize_uv(np.asarray(uv, np.float64), uv_faces, size, gutter=GUTTER)
        flat = np.flatnonzero(raster.covered)
        if not len(flat):
            raise TextureError(f"no texel of a {size}x{size} texture lies on the mesh; its UVs must span 0 to 1")
        return cls(
            size=size,
            faces=np.ascontiguousarray(faces, np.int32),
            flat=flat.astype(np.int32),
            face=raster.face.reshape(-1)[flat],
            bary=raster.bary.reshape(-1, 3)[flat],
        )

    def __len__(self) -> int:
        """Number of covered texels."""
        return len(self.flat)

    def place(self, vertices: Float[np.ndarray, "vertices 3"]) -> Texels:
        """Where the covered texels are on a posed mesh."""
        normals = TriangleMesh(vertices=vertices, faces=self.faces).vertex_normals().astype(np.float32)
        texels = Texels(positions=np.empty((len(self), 3), np.float32), normals=np.empty((len(self), 3), np.float32))
        corners = np.asarray(vertices, np.float32)
        _place(self.face, self.bary, self.faces, corners, normals, texels.positions, texels.normals)
        return texels

    def image(self, values: np.ndarray, background: np.ndarray | float | int | bool = 0) -> np.ndarray:
        """Values of the covered texels (texels, ...) as an image (size, size, ...) over a background."""
        shape = (self.size * self.size, *values.shape[1:])
        image = np.empty(shape, values.dtype)
        image[:] = background if np.isscalar(background) else np.reshape(background, shape)
        image[self.flat] = values
        return image.reshape(self.size, self.size, *values.shape[1:])


@nb.njit(cache=True)
def _place(face, bary, faces, vertices, normals, positions, texel_normals):
    for i in range(len(face)):
        a, b, c = faces[face[i], 0], faces[face[i], 1], faces[face[i], 2]
        wa, wb, wc = bary[i, 0], bary[i, 1], bary[i, 2]
        length = np.float32(0)
        for k in range(3):
            positions[i, k] = wa * vertices[a, k] + wb * vertices[b, k] + wc * vertices[c, k]
            n = wa * normals[a, k] + wb * normals[b, k] + wc * normals[c, k]
            texel_normals[i, k] = n
            length += n * n
        scale = np.float32(1) / np.sqrt(max(length, np.float32(1e-20)))
        for k in range(3):
            texel_normals[i, k] *= scale
