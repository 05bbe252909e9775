"""The texture atlas of a body: which point of the surface each texel shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Integer

from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_uv
from texture.errors import TextureError

GUTTER = 4
"""Texels around each chart that repeat its border, so that bilinear look-ups and small mip levels do not bleed."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Atlas:
    """Texels that show a part of the surface, in one list; row 0 of the image is its top (v = 1)."""

    size: int
    covered: Bool[np.ndarray, "size size"]
    corners: Integer[np.ndarray, "texels 3"]
    """Vertices of the face under each covered texel, row by row."""
    bary: Float32[np.ndarray, "texels 3"]

    @classmethod
    def of(cls, mesh: TriangleMesh, size: int) -> Atlas:
        """The atlas of a mesh's texture coordinates. Raises TextureError when it has none."""
        if mesh.uv is None or mesh.uv_faces is None:
            raise TextureError("the body model has no texture coordinates; use the open body to make textures")
        raster = rasterize_uv(mesh.uv.astype(np.float64), mesh.uv_faces, size, gutter=GUTTER)
        covered = raster.covered
        corners = np.ascontiguousarray(mesh.faces[raster.face[covered]], np.int64)
        return cls(size=size, covered=covered, corners=corners, bary=raster.bary[covered])

    def __len__(self) -> int:
        """Number of covered texels."""
        return len(self.corners)

    def at_texels(self, values: Float[np.ndarray, "vertices channels"]) -> Float32[np.ndarray, "texels channels"]:
        """Values given at vertices, at each covered texel."""
        values = values.astype(np.float32)
        corners = (self.bary[:, i, None] * values[self.corners[:, i]] for i in range(3))
        return np.asarray(sum(corners), np.float32)

    def image(
        self, values: Float[np.ndarray, "texels channels"], missing: float = np.nan
    ) -> Float32[np.ndarray, "size size channels"]:
        """A picture of values at the covered texels."""
        picture = np.full((self.size, self.size, values.shape[1]), missing, np.float32)
        picture[self.covered] = values
        return picture
