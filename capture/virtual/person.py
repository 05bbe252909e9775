"""A dressed, textured person at one moment, ready for rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from capture.virtual.figure import Figure
from capture.virtual.light import irradiance, linear_from_srgb
from capture.virtual.room import sample_wrapped
from geometry.mesh import TriangleMesh
from geometry.rays import Hits, RayScene


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Person:
    """The person at one moment."""

    mesh: TriangleMesh
    normals: Float[np.ndarray, "vertices 3"]
    face_normals: Float[np.ndarray, "faces 3"]
    scene: RayScene
    linear_texture: Float[np.ndarray, "rows columns 3"]

    @classmethod
    def drawn(cls, figure: Figure, vertices: np.ndarray, texture: Float[np.ndarray, "rows columns 3"]) -> Person:
        """The figure with these vertices; `texture` is its linear texture."""
        mesh = TriangleMesh(vertices=vertices, faces=figure.faces, uv=figure.uv, uv_faces=figure.uv_faces)
        return cls.of(mesh, texture)

    @classmethod
    def of(cls, mesh: TriangleMesh, linear_texture: Float[np.ndarray, "rows columns 3"]) -> Person:
        """The person whose textured surface is `mesh`."""
        return cls(
            mesh=mesh,
            normals=mesh.vertex_normals().astype(np.float32),
            face_normals=mesh.face_normals().astype(np.float32),
            scene=RayScene.of(mesh),
            linear_texture=linear_texture,
        )

    def albedo(self, hits: Hits, chosen: np.ndarray) -> Float[np.ndarray, "chosen 3"]:
        """Linear RGB albedo at some hits, from the texture; row 0 of the texture has v = 1."""
        mesh = self.mesh
        assert mesh.uv is not None
        assert mesh.uv_faces is not None
        uv = _interpolate(mesh.uv.astype(np.float32), mesh.uv_faces, hits, chosen)
        rows, columns = self.linear_texture.shape[:2]
        return sample_wrapped(self.linear_texture, uv[:, 0] * columns - 0.5, (1 - uv[:, 1]) * rows - 0.5)

    def radiance(self, hits: Hits, chosen: np.ndarray) -> Float[np.ndarray, "chosen 3"]:
        """Linear RGB light that leaves the surface at some hits."""
        normals = _interpolate(self.normals, self.mesh.faces, hits, chosen)
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
        return self.albedo(hits, chosen) * irradiance(normals)


def linear_texture(figure: Figure) -> Float[np.ndarray, "rows columns 3"]:
    """The figure's texture as linear light, float32."""
    return linear_from_srgb(np.arange(256))[figure.texture]


def _interpolate(values: np.ndarray, faces: np.ndarray, hits: Hits, chosen: np.ndarray) -> np.ndarray:
    corners = faces[hits.face[chosen]]
    uv = hits.uv[chosen].astype(np.float32)
    weights = (1 - uv[:, 0] - uv[:, 1], uv[:, 0], uv[:, 1])
    return sum(values[corners[:, i]] * weights[i][:, None] for i in range(3))  # type: ignore[return-value]
