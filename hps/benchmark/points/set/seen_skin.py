"""Which of a person's naked skin cameras see, and what others, furniture and the picture's edge keep from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int32

from capture.virtual.baked_room import pinhole_rays
from geometry.camera import Camera
from geometry.face_raster.exact_depth import exact_depth, points_in_camera
from geometry.face_raster.rasterizer import FaceRasterizer
from geometry.face_raster.vertex_normals import vertex_normals
from geometry.rays import ray_table
from hps.synthesis.staging.staged import StagedMoment, StagedScene

SAME_SURFACE_M: Final = 0.03
"""A vertex no farther than this behind what its pixel shows is part of it: a pixel of a slanting thigh at 5 m spans
2 cm of depth, fingers are 2 cm thick and are told apart by their normals."""
BEFORE_M: Final = 0.01
"""Somebody else's surface hides skin that is farther away by more than this."""
MOST_PX: Final = 2000
"""Largest side of the picture of one person alone."""
NEAR_M: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sight:
    """What one camera sees of one person's skin at one instant, vertex by vertex."""

    alone: Bool[np.ndarray, "vertices"]
    """Were nobody and nothing else there, clothes included, and the picture without edges."""
    seen: Bool[np.ndarray, "vertices"]
    """Of these, what others, furniture and edges leave: clothes count as the skin under them."""


class SkinSight:
    """The sights of all cameras on everybody in a scene; each is worked out once, when it is first asked for."""

    def __init__(self, staged: StagedScene) -> None:
        """`staged` is the scene."""
        self._staged = staged
        self._cameras = [row.to_camera() for row in staged.spec.cameras]
        self._kept: dict[tuple[int, int, int], Sight] = {}
        self._moment: StagedMoment | None = None
        self._areas: dict[tuple[int, int], np.ndarray] = {}

    def shares(self, frame: int, cameras: Sequence[int], actor: int) -> tuple[float, float]:
        """(visible, occluded) of an actor in some cameras together.

        visible: share of the skin's area that any of them sees. occluded: share of what they would see of the person
        alone that they do not see; 1 where that is nothing.
        """
        sights = [self.sight(frame, camera, actor) for camera in cameras]
        area = self._area(frame, actor)
        seen = area @ np.any([sight.seen for sight in sights], axis=0)
        alone = area @ np.any([sight.alone for sight in sights], axis=0)
        return float(seen / area.sum()), float(1 - seen / alone) if alone > 0 else 1.0

    def sight(self, frame: int, camera: int, actor: int) -> Sight:
        """What camera number `camera` sees of an actor."""
        key = frame, camera, actor
        if key not in self._kept:
            self._kept[key] = self._look(*key)
        return self._kept[key]

    def _area(self, frame: int, actor: int) -> Float[np.ndarray, "vertices"]:
        if (frame, actor) not in self._areas:
            faces = np.asarray(self._staged.model.faces)
            corners = self._staged.people[actor].vertices[frame][faces]
            size = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
            count = self._staged.model.vertex_count
            self._areas[frame, actor] = np.bincount(faces.ravel(), np.repeat(size, 3), count)
        return self._areas[frame, actor]

    def _look(self, frame: int, number: int, actor: int) -> Sight:
        staged, camera = self._staged, self._cameras[number]
        vertices = np.ascontiguousarray(staged.people[actor].vertices[frame])
        faces = np.asarray(staged.model.faces, np.int32)
        alone = seen_alone(camera, vertices, faces, staged.studio.rasterizer)
        q, z = _pixels(camera, vertices)
        pixel = np.where(np.isfinite(q), np.rint(q), -1).astype(np.int64)
        seen = alone & (pixel >= 0).all(1) & (pixel < [camera.width, camera.height]).all(1)
        if len(staged.people) + len(staged.things) > 1:
            seen &= ~self._behind_others(frame, camera, actor, pixel, z, seen)
        return Sight(alone=alone, seen=seen)

    def _behind_others(
        self, frame: int, camera: Camera, actor: int, pixel: np.ndarray, z: np.ndarray, wanted: np.ndarray
    ) -> Bool[np.ndarray, "vertices"]:
        if self._moment is None or self._moment.frame != frame:
            self._moment = self._staged.moment(frame)
        hidden = np.zeros(len(z), bool)
        drawable = self._moment.drawable
        centers = drawable.centers(camera, ray_table(camera))
        if centers is None:
            return hidden
        owner = self._staged.studio.owner_at(centers.face)
        rows, columns = centers.window
        column, row = pixel[:, 0] - columns.start, pixel[:, 1] - rows.start
        inside = np.asarray(wanted & (column >= 0) & (row >= 0) & (row < owner.shape[0]) & (column < owner.shape[1]))
        row, column = row[inside], column[inside]
        other = (owner[row, column] != actor + 1) & (owner[row, column] > 0)
        hidden[inside] = other & (centers.depth[row, column] < z[inside] - BEFORE_M)
        return hidden


def seen_alone(
    camera: Camera,
    vertices: Float[np.ndarray, "vertices 3"],
    faces: Int32[np.ndarray, "faces 3"],
    rasterizer: FaceRasterizer,
) -> Bool[np.ndarray, "vertices"]:
    """Which vertices of a closed surface (world, metres) a pinhole camera would see of it, had its picture no edges.

    Those that face the camera and are the first at their pixel of a picture that is cut to the surface.
    """
    normals = vertex_normals(vertices, faces)
    facing = np.einsum("ij,ij->i", normals, vertices - camera.T_world_camera[:3, 3]) < 0
    q, z = _pixels(camera, vertices)
    there = np.asarray(np.isfinite(q).all(1))
    if not there.any():
        return there
    low = np.floor(np.clip(q[there].min(0), -MOST_PX, MOST_PX)).astype(int) - 1
    size = np.minimum(np.ceil(q[there].max(0)).astype(int) + 2 - low, MOST_PX)
    crop = Camera(
        name=camera.name,
        K=camera.K - np.array([[0, 0, low[0]], [0, 0, low[1]], [0, 0, 0]]),
        width=int(max(size[0], 2)),
        height=int(max(size[1], 2)),
        T_world_camera=camera.T_world_camera,
    )
    image = rasterizer.draw(crop, vertices, faces)
    depth = exact_depth(image, crop, vertices, faces, pinhole_rays(crop)).depth
    column, row = np.where(there[:, None], np.rint(q - low), 0).astype(np.int64).T
    inside = there & (column >= 0) & (row >= 0) & (column < crop.width) & (row < crop.height)
    shown = depth[np.where(inside, row, 0), np.where(inside, column, 0)]
    return inside & facing & (z <= shown + SAME_SURFACE_M)


def _pixels(
    camera: Camera, vertices: np.ndarray
) -> tuple[Float[np.ndarray, "vertices 2"], Float[np.ndarray, "vertices"]]:
    """Pixels (NaN behind the camera) and depths."""
    p = points_in_camera(camera, vertices)
    z = p[:, 2]
    before = z > NEAR_M
    q = np.where(before[:, None], p[:, :2] / np.where(before, z, 1)[:, None], np.nan) @ camera.K[:2, :2].T
    return q + camera.K[:2, 2], z
