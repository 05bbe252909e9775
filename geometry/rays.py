"""Rays: the viewing direction of each pixel, and where rays meet a mesh."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.open3d_loading import load_open3d
from geometry.ray_refinement import barycentric_points, meet_planes
from geometry.rigid import rotate


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Hits:
    """Where rays first met a mesh; t and uv are NaN and face is -1 where a ray met nothing."""

    t: Float[np.ndarray, "*rays"]
    """p = origin + t direction. The z-depth in metres when directions have z = 1 in the camera frame."""
    face: Integer[np.ndarray, "*rays"]
    uv: Float[np.ndarray, "*rays 2"]
    """Barycentric weights of the face's second and third corner; the first has 1 - u - v."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Closest:
    """The points of a mesh closest to given points."""

    points: Float[np.ndarray, "*points 3"]
    face: Integer[np.ndarray, "*points"]
    bary: Float[np.ndarray, "*points 3"]
    """Weights of the face's corners; `points` is their weighted sum."""
    distance: Float[np.ndarray, "*points"]
    """Metres, not signed."""


def ray_table(camera: Camera) -> Float[np.ndarray, "height width 2"]:
    """x/z and y/z of each pixel's centre, exact under lens distortion; NaN where the lens model does not hold.

    Read-only: tables are kept for the 32 camera models used last.
    """
    K, k = np.asarray(camera.K, np.float64), np.asarray(camera.distortion, np.float64)
    return _ray_table(K.tobytes(), k.tobytes(), float(camera.metric_radius), camera.width, camera.height)


@lru_cache(maxsize=32)
def _ray_table(K: bytes, k: bytes, metric_radius: float, width: int, height: int) -> np.ndarray:
    camera = Camera(
        name="ray table",
        K=np.frombuffer(K).reshape(3, 3),
        distortion=np.frombuffer(k),
        metric_radius=metric_radius,
        width=width,
        height=height,
    )
    q = np.stack(np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)), -1)
    table = camera.normalize(q)
    table.flags.writeable = False
    return table


class RayScene:
    """A mesh prepared for ray casting and closest-point queries (Embree, through Open3D).

    Embree works in float32 and here only chooses the face, in coordinates relative to the mesh's centre; t, uv and
    closest points are then computed in float64 on that face. Faces are hit from both sides; a face with a NaN vertex is
    never hit.
    """

    def __init__(self, vertices: Float[np.ndarray, "vertices 3"], faces: Integer[np.ndarray, "faces 3"]) -> None:
        """Raises GeometryError when Open3D cannot be loaded."""
        self._o3d: Any = load_open3d()
        vertices = np.asarray(vertices, np.float64)
        self.faces = np.ascontiguousarray(faces, np.int64)
        used = vertices[np.unique(self.faces)] if len(self.faces) else vertices[:0]
        used = used[np.isfinite(used).all(-1)]
        self._center = (used.min(0) + used.max(0)) / 2 if len(used) else np.zeros(3)
        self._vertices = np.ascontiguousarray(vertices - self._center)
        self._scene = self._o3d.t.geometry.RaycastingScene()
        if len(self.faces):
            tensor = self._o3d.core.Tensor
            self._scene.add_triangles(tensor(self._vertices.astype(np.float32)), tensor(self.faces.astype(np.uint32)))

    @classmethod
    def of(cls, mesh: TriangleMesh) -> RayScene:
        """The scene of one mesh."""
        return cls(mesh.vertices, mesh.faces)

    def cast(self, origins: Float[np.ndarray, "*#rays 3"], directions: Float[np.ndarray, "*rays 3"]) -> Hits:
        """First hits along rays, in the mesh's frame. Rays with a NaN meet nothing."""
        directions = np.asarray(directions, np.float64)
        shape = directions.shape[:-1]
        d = directions.reshape(-1, 3)
        o = np.broadcast_to(np.asarray(origins, np.float64), directions.shape).reshape(-1, 3) - self._center
        t, face, uv = np.full(len(d), np.nan), np.full(len(d), -1, np.int32), np.full((len(d), 2), np.nan)
        finite = np.flatnonzero(np.isfinite(d).all(-1) & np.isfinite(o).all(-1))
        if len(self.faces) and len(finite):
            rays = np.concatenate([o[finite], d[finite]], -1).astype(np.float32)
            answer = self._scene.cast_rays(self._o3d.core.Tensor(rays))
            met = np.isfinite(answer["t_hit"].numpy())
            hit = finite[met]
            face[hit] = answer["primitive_ids"].numpy()[met].astype(np.int32)
            t[hit] = answer["t_hit"].numpy()[met]
            uv[hit] = answer["primitive_uvs"].numpy()[met]
            meet_planes(o, d, self._vertices, self.faces, hit, face, t, uv)
        return Hits(t=t.reshape(shape), face=face.reshape(shape), uv=uv.reshape(*shape, 2))

    def cast_camera(self, camera: Camera, rows: slice = slice(None), columns: slice = slice(None)) -> Hits:
        """First hits of the rays through pixel centres (of some rows and columns); t is the z-depth in metres."""
        xy = ray_table(camera)[rows, columns]
        v_camera = np.concatenate([xy, np.ones((*xy.shape[:-1], 1))], -1)
        return self.cast(camera.center, rotate(camera.T_world_camera, v_camera))

    def closest(self, points: Float[np.ndarray, "*points 3"]) -> Closest:
        """The closest point of the mesh for each point. Raises ValueError on a mesh without faces."""
        if not len(self.faces):
            raise ValueError("a mesh without faces has no closest point")
        p = np.asarray(points, np.float64) - self._center
        answer = self._scene.compute_closest_points(self._o3d.core.Tensor(p.reshape(-1, 3).astype(np.float32)))
        face = answer["primitive_ids"].numpy().astype(np.int32)
        found, bary = barycentric_points(p.reshape(-1, 3), self._vertices, self.faces, face)
        distance = np.linalg.norm(found - p.reshape(-1, 3), axis=-1)
        shape = p.shape[:-1]
        return Closest(
            points=(found + self._center).reshape(*shape, 3),
            face=face.reshape(shape),
            bary=bary.reshape(*shape, 3),
            distance=distance.reshape(shape),
        )
