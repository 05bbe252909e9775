"""A triangle mesh as a value, with an optional UV texture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, UInt8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TriangleMesh:
    """Vertices in metres; faces wind counter-clockwise seen from outside."""

    vertices: Float[np.ndarray, "vertices 3"]
    faces: Integer[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "uvs 2"] | None = None
    """Texture coordinates; (0, 0) is the bottom-left corner of the texture (OBJ's convention)."""
    uv_faces: Integer[np.ndarray, "faces 3"] | None = None
    """UV index of each face corner."""
    texture: UInt8[np.ndarray, "rows columns 3"] | None = None
    """RGB."""

    def face_normals(self) -> Float[np.ndarray, "faces 3"]:
        """Outward unit normals; zero for degenerate faces."""
        return _unit(self._face_cross())

    def vertex_normals(self) -> Float[np.ndarray, "vertices 3"]:
        """Area-weighted unit normals; zero for vertices without faces."""
        normals = np.zeros_like(self.vertices, np.float64)
        cross = self._face_cross()
        for corner in range(3):
            np.add.at(normals, self.faces[:, corner], cross)
        return _unit(normals)

    def area(self) -> float:
        """Surface area, square metres."""
        return float(np.linalg.norm(self._face_cross(), axis=-1).sum() / 2)

    def volume(self) -> float:
        """Signed volume, cubic metres: positive when the faces of a closed mesh point outward."""
        a, b, c = (self.vertices[self.faces[:, i]].astype(np.float64) for i in range(3))
        return float((a * np.cross(b, c)).sum() / 6)

    def is_watertight(self) -> bool:
        """Whether each edge is shared by exactly two faces, once in each direction."""
        edges = np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]]).astype(np.int64)
        key, reverse = edges[:, 0] << 32 | edges[:, 1], edges[:, 1] << 32 | edges[:, 0]
        return len(np.unique(key)) == len(key) and np.array_equal(np.sort(key), np.sort(reverse))

    def _face_cross(self) -> Float[np.ndarray, "faces 3"]:
        a, b, c = (self.vertices[self.faces[:, i]].astype(np.float64) for i in range(3))
        return np.cross(b - a, c - a)


def joined(meshes: Sequence[TriangleMesh]) -> TriangleMesh:
    """The vertices and faces of several meshes, in order, as one without texture; nothing of none."""
    if not meshes:
        return TriangleMesh(vertices=np.zeros((0, 3)), faces=np.zeros((0, 3), np.int64))
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return TriangleMesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
    )


def _unit(v: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-30)
