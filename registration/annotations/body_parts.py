"""Whose body each pixel shows, and which of its 24 parts: fitted bodies drawn through the camera's own lens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, Integer, UInt8

from body.model import BodyModel
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera

IN_FRONT_M = 0.10
"""A measured surface this far in front of the bodies is another thing: clothes and noise stay below."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnBodies:
    """What a camera would see of bodies alone."""

    person: Int[np.ndarray, "rows columns"]
    """Index of the person in the order they were given, -1 for none."""
    part: UInt8[np.ndarray, "rows columns"]
    """1 + the SMPL joint whose skin it is, 0 where nobody is."""
    depth_m: Float32[np.ndarray, "rows columns"]
    """Along the optical axis, NaN where nobody is."""


def joint_of_face(model: BodyModel) -> Int[np.ndarray, "faces"]:
    """SMPL joint that moves each face most."""
    weights = np.asarray(model.weights, np.float64)
    return weights[np.asarray(model.faces)].sum(1).argmax(1)


def draw_bodies(model: BodyModel, bodies: Sequence[Float[np.ndarray, "vertices 3"]], camera: Camera) -> DrawnBodies:
    """All bodies in one picture, the nearest in front. vertices: world, metres, in the model's order."""
    faces = np.asarray(model.faces)
    if not len(bodies):
        empty = (camera.height, camera.width)
        return DrawnBodies(
            person=np.full(empty, -1), part=np.zeros(empty, np.uint8), depth_m=np.full(empty, np.nan, np.float32)
        )
    together = np.concatenate([faces + n * model.vertex_count for n in range(len(bodies))])
    raster = rasterize_camera(TriangleMesh(vertices=np.concatenate(bodies), faces=together), camera)
    seen = raster.covered
    part = np.zeros(seen.shape, np.uint8)
    part[seen] = 1 + joint_of_face(model)[raster.face[seen] % len(faces)]
    return DrawnBodies(
        person=np.where(seen, raster.face // len(faces), -1).astype(np.int64), part=part, depth_m=raster.depth
    )


def without_hidden(drawn: DrawnBodies, measured_m: Float32[np.ndarray, "rows columns"] | None) -> DrawnBodies:
    """The same without pixels where a measured surface stands in front; NaN, or None for all, where none is known."""
    if measured_m is None:
        return drawn
    hidden = measured_m < drawn.depth_m - IN_FRONT_M
    return DrawnBodies(
        person=np.where(hidden, -1, drawn.person),
        part=np.where(hidden, 0, drawn.part).astype(np.uint8),
        depth_m=np.where(hidden, np.float32(np.nan), drawn.depth_m),
    )


def box_of(drawn: DrawnBodies, person: int) -> tuple[list[int], int]:
    """COCO's box [x, y, width, height] around a person's pixels and their number; zeros when there is none."""
    rows, columns = np.nonzero(drawn.person == person)
    if not len(rows):
        return [0, 0, 0, 0], 0
    left, top = int(columns.min()), int(rows.min())
    return [left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1], len(rows)


def part_areas(drawn: DrawnBodies, person: int) -> Integer[np.ndarray, "24"]:
    """Pixels of each of a person's parts."""
    return np.bincount(drawn.part[drawn.person == person], minlength=25)[1:]
