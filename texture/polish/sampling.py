"""Points on surfaces, the cameras that see each, and the grey pictures that they see them in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, UInt8

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rigid import rotate, transform
from texture.painting.views import ColorView
from texture.polish.config import PolishConfig

HIDDEN_M = 0.01
"""A point this far behind the mesh's nearest surface is hidden."""
EDGE_M = 0.04
"""Neighbouring pixels whose depth differs more than this lie on either side of an outline."""
MEASURED_M = 0.04
"""Measured depth further than this from the mesh shows something else, or a wrong mesh."""
CROP_PX = 24
"""Pixels around the person that are kept of a picture: what points may slide over, and the blur's reach."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Picture:
    """The part of a view that shows the person, grey."""

    camera: int
    grey: UInt8[np.ndarray, "rows columns"]
    left: int
    top: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Samples:
    """Points of all instants, and which picture sees which: those of point i are `start[i]` to `start[i + 1]`."""

    points: Float[np.ndarray, "points 3"]
    instant: Int64[np.ndarray, "points"]
    start: Int64[np.ndarray, "points_and_one"]
    picture: Int64[np.ndarray, "sightings"]
    weight: Float[np.ndarray, "sightings"]
    """cos^2: pictures that look straight at the surface count most."""
    pictures: list[Picture]
    cameras: list[Camera]

    def part(self, chosen: Bool[np.ndarray, "points"]) -> Samples:
        """Some of the points."""
        counts = np.diff(self.start)
        sightings = np.repeat(chosen, counts)
        return Samples(
            points=self.points[chosen],
            instant=self.instant[chosen],
            start=np.concatenate([[0], np.cumsum(counts[chosen])]),
            picture=self.picture[sightings],
            weight=self.weight[sightings],
            pictures=self.pictures,
            cameras=self.cameras,
        )

    def without(self, sightings: Bool[np.ndarray, "sightings"]) -> Samples:
        """All but some sightings; points that fewer than two others see go too."""
        point = np.repeat(np.arange(len(self.points)), np.diff(self.start))
        counts = np.bincount(point[~sightings], minlength=len(self.points))
        gone = sightings | (counts < 2)[point]
        counts = np.bincount(point[~gone], minlength=len(self.points))
        return Samples(
            points=self.points[counts > 0],
            instant=self.instant[counts > 0],
            start=np.concatenate([[0], np.cumsum(counts[counts > 0])]),
            picture=self.picture[~gone],
            weight=self.weight[~gone],
            pictures=self.pictures,
            cameras=self.cameras,
        )


def sampled(instants: Iterable[tuple[TriangleMesh, Sequence[ColorView]]], config: PolishConfig) -> Samples:
    """Points on each instant's surface that two cameras or more see well inside its outlines.

    Instants whose mesh is empty or not finite are left out.
    """
    rng = np.random.default_rng(config.seed)
    cameras: dict[str, Camera] = {}
    pictures: list[Picture] = []
    points, of_instant, counts, picture, weight = [], [], [], [], []
    for number, (mesh, views) in enumerate(instants):
        if not (len(mesh.faces) and np.isfinite(mesh.vertices[mesh.faces]).all() and mesh.area() > 0):
            continue
        p_world, normals = points_on(mesh, config.points, rng)
        cosines = np.zeros((len(p_world), len(views)))
        first = len(pictures)
        for k, view in enumerate(views):
            cameras.setdefault(view.camera.name, view.camera)
            seen, found = _seen(mesh, view, p_world, normals, list(cameras).index(view.camera.name), config)
            cosines[:, k] = seen
            pictures.append(found)
        several = (cosines > 0).sum(1) >= 2
        cosines = cosines[several]
        _, column = np.nonzero(cosines)
        points.append(p_world[several])
        of_instant.append(np.full(int(several.sum()), number))
        counts.append((cosines > 0).sum(1))
        picture.append(first + column)
        weight.append(cosines[cosines > 0] ** 2)
    none = np.empty(0)
    return Samples(
        points=np.concatenate(points) if points else np.empty((0, 3)),
        instant=np.concatenate([none, *of_instant]).astype(np.int64),
        start=np.concatenate([[0], np.cumsum(np.concatenate([none, *counts]))]).astype(np.int64),
        picture=np.concatenate([none, *picture]).astype(np.int64),
        weight=np.concatenate([none, *weight]),
        pictures=pictures,
        cameras=list(cameras.values()),
    )


def points_on(
    mesh: TriangleMesh, count: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "points 3"], Float[np.ndarray, "points 3"]]:
    """Points spread evenly by area, and the unit normals of their faces."""
    corners = np.asarray(mesh.vertices, np.float64)[mesh.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double_area = np.linalg.norm(cross, axis=-1)
    face = rng.choice(len(corners), count, p=double_area / double_area.sum())
    u, v = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - u, u * (1 - v), u * v], -1)
    return np.einsum("nk,nkc->nc", weights, corners[face]), cross[face] / double_area[face, None]


def _seen(
    mesh: TriangleMesh, view: ColorView, p_world: np.ndarray, normals: np.ndarray, camera: int, config: PolishConfig
) -> tuple[Float[np.ndarray, "points"], Picture]:
    """The cosine at which a view sees each point, 0 where it does not, and its picture of the person."""
    rows, columns = view.image.shape[:2]
    surface = rasterize_camera(mesh, view.camera).depth
    inside = np.argwhere(np.isfinite(surface))
    low, high = (inside.min(0), inside.max(0) + 1) if len(inside) else (np.zeros(2, int), np.ones(2, int))
    low, high = np.maximum(low - CROP_PX, 0), np.minimum(high + CROP_PX, (rows, columns))
    window = tuple(slice(int(a), int(b)) for a, b in zip(low, high))
    grey = cv2.cvtColor(np.ascontiguousarray(view.image[window]), cv2.COLOR_RGB2GRAY)
    good = _inner(surface[window], config.margin_px)
    if view.depth_m is not None:
        with np.errstate(invalid="ignore"):
            good &= ~(np.abs(view.depth_m[window] - surface[window]) > MEASURED_M)
    if view.mask is not None:
        good &= view.mask[window]
    q = view.camera.project(p_world)
    with np.errstate(invalid="ignore"):
        column = np.where(np.isfinite(q[:, 0]), np.rint(q[:, 0]), -1).astype(np.int64) - int(low[1])
        row = np.where(np.isfinite(q[:, 1]), np.rint(q[:, 1]), -1).astype(np.int64) - int(low[0])
    within = (row >= 0) & (column >= 0) & (row < grey.shape[0]) & (column < grey.shape[1])
    row, column = np.where(within, row, 0), np.where(within, column, 0)
    p_camera, v_camera = transform(view.camera.T_camera_world, p_world), rotate(view.camera.T_camera_world, normals)
    cosine = -(p_camera * v_camera).sum(-1) / np.linalg.norm(p_camera, axis=-1)
    z_limit = surface[window][row, column] + HIDDEN_M / np.maximum(cosine, config.min_cosine)
    with np.errstate(invalid="ignore"):
        seen = within & good[row, column] & (cosine >= config.min_cosine) & (p_camera[:, 2] <= z_limit)
    return np.where(seen, cosine, 0.0), Picture(camera=camera, grey=grey, left=int(low[1]), top=int(low[0]))


def _inner(surface: Float32[np.ndarray, "rows columns"], margin_px: int) -> Bool[np.ndarray, "rows columns"]:
    """Pixels around which, within the margin, the surface neither ends nor jumps."""
    far = np.nan_to_num(surface, nan=1e3)
    small, wide = np.ones((3, 3), np.uint8), np.ones((2 * margin_px + 1,) * 2, np.uint8)
    jump = cv2.dilate(far, small) - cv2.erode(far, small) > EDGE_M
    return cv2.dilate(jump.astype(np.uint8), wide) == 0
