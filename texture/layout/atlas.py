"""The texture's layout: which point of the surface each texel shows. Made once for a clip, placed at every instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32, Integer

from geometry.face_raster.vertex_normals import vertex_normals
from texture.errors import TextureError
from texture.layout.texel_raster import grow, list_texels, place_texels, raster_faces

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
        """The atlas of a mesh: the face at each texel's centre, the first of those that lie over each other.

        Raises TextureError when the mesh has no texture coordinates, or none of a texel.
        """
        if uv is None or uv_faces is None:
            raise TextureError(
                "the mesh has no texture coordinates; unwrap it first (texture.layout.unwrapping.unwrapped)"
            )
        q = np.stack([uv[:, 0] * size - 0.5, (1 - uv[:, 1]) * size - 0.5], -1).astype(np.float64)
        corners = np.ascontiguousarray(uv_faces, np.int64)
        owner = np.full((size, size), -1, np.int32)
        covered = raster_faces(q, corners, owner)
        if not covered:
            raise TextureError(f"no texel of a {size}x{size} texture lies on the mesh; its UVs must span 0 to 1")
        source = np.full((size, size), -1, np.int32)
        covered += grow(owner, source, np.full((size, size), 255, np.uint8), GUTTER)
        flat, face = np.empty(covered, np.int32), np.empty(covered, np.int32)
        bary = np.empty((covered, 3), np.float32)
        list_texels(q, corners, owner, source, flat, face, bary)
        return cls(size=size, faces=np.ascontiguousarray(faces, np.int32), flat=flat, face=face, bary=bary)

    def __len__(self) -> int:
        """Number of covered texels."""
        return len(self.flat)

    def place(self, vertices: Float[np.ndarray, "vertices 3"]) -> Texels:
        """Where the covered texels are on a posed mesh."""
        corners = np.ascontiguousarray(vertices, np.float32)
        normals = vertex_normals(np.ascontiguousarray(vertices, np.float64), self.faces)
        texels = Texels(positions=np.empty((len(self), 3), np.float32), normals=np.empty((len(self), 3), np.float32))
        place_texels(self.face, self.bary, self.faces, corners, normals, texels.positions, texels.normals)
        return texels

    def image(self, values: np.ndarray, background: np.ndarray | float | int | bool = 0) -> np.ndarray:
        """Values of the covered texels (texels, ...) as an image (size, size, ...) over a background."""
        shape = (self.size * self.size, *values.shape[1:])
        image = np.empty(shape, values.dtype)
        image[:] = background if np.isscalar(background) else np.reshape(background, shape)
        image[self.flat] = values
        return image.reshape(self.size, self.size, *values.shape[1:])
