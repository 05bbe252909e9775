"""The part of a camera's image that can show a mesh, and in it the limits of depth within which texels are seen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Integer, UInt8

from geometry.camera import Camera
from geometry.rasterizer import rasterize
from texture.painting.config import PaintConfig
from texture.painting.patches import Patches, mark_breaks
from texture.painting.views import ColorView

NEAR_M = 0.1
"""Nothing nearer than this to a camera is painted."""
EDGE_TEXELS = 3
"""Pixels kept around the mesh: room for bilinear reading and cubic enlarging."""

IN_FRONT, BEHIND = 6.0, 10.0
"""Tolerances in medians of the disagreement between the mesh and the measured depth. It is 1.5 to 2.2 mm for surfaces
from the clouds, 4.5 for a fitted body in tight clothes, 11 to 18 in loose ones."""
FEWEST_PIXELS = 100
"""With fewer pixels the disagreement is not known, and the mesh is taken for a rough one."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Window:
    """A camera's image cut down to where the mesh is. All arrays are empty where the camera does not see it."""

    row: int
    column: int
    """The window's first row and column in the whole image."""
    image: UInt8[np.ndarray, "rows columns 3"]
    limits: Float32[np.ndarray, "rows columns 3"]
    """For each pixel: the farthest depth that the mesh's surface allows, the farthest that what stands in front allows,
    and the nearest that the measured depth allows, metres; before the tolerances, which grow on steep surfaces."""
    tolerances: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """How much each of the three gives way on a surface that faces the camera, metres."""


def person_window(
    view: ColorView,
    q: Float[np.ndarray, "vertices 2"],
    z: Float[np.ndarray, "vertices"],
    faces: Integer[np.ndarray, "faces 3"],
    patches: Patches,
    distance_m: float,
    config: PaintConfig,
) -> Window:
    """Cuts a view down and prepares its tests.

    q, z: the mesh's vertices in the image (pixels; metres along the axis), NaN where the camera cannot see them.
    distance_m: of the person from the camera, which turns margins into pixels.
    """
    camera = view.camera
    margin_px = margin_of(camera, distance_m, config)
    box = _box(q, camera, margin_px + EDGE_TEXELS)
    if box is None:
        return Window(row=0, column=0, image=np.zeros((0, 0, 3), np.uint8), limits=np.zeros((0, 0, 3), np.float32))
    rows, columns = box
    shape = rows.stop - rows.start, columns.stop - columns.start
    offset = np.array([columns.start, rows.start], np.float64)
    surface, breaks = np.full(shape, np.inf, np.float32), np.zeros(shape, np.bool_)
    if config.mesh_test:
        raster = rasterize(q - offset, z, faces, shape[1], shape[0])
        surface = raster.depth
        mark_breaks(raster.face, faces, patches.of_vertex, patches.touch, breaks)
    measured = None
    if config.depth_test and view.depth_m is not None:
        measured = np.ascontiguousarray(view.depth_m[rows, columns], np.float32)
    front = nearest_within(surface, measured, margin_px)
    allowed = np.where(np.isnan(surface), np.float32(-np.inf), surface)
    if config.mask_test and view.mask is not None:
        mask = view.mask if measured is not None else eroded(view.mask, margin_px)
        allowed[~mask[rows, columns]] = -np.inf
    if config.rim_test:
        allowed[breaks] = -np.inf
    nearest = np.full(shape, -np.inf, np.float32) if measured is None else np.nan_to_num(measured, nan=-np.inf)
    if config.rim_px and measured is not None:
        nearest = cv2.dilate(nearest, np.ones((2 * config.rim_px + 1,) * 2, np.uint8))
    limits = np.stack([allowed, front, nearest], -1).astype(np.float32)
    image = np.ascontiguousarray(view.image[rows, columns])
    off = disagreement(surface, measured, np.isfinite(allowed))
    tolerances = (config.hidden_m, _within(IN_FRONT * off, config.in_front_m), _within(BEHIND * off, config.behind_m))
    return Window(row=rows.start, column=columns.start, image=image, limits=limits, tolerances=tolerances)


def disagreement(
    surface: Float32[np.ndarray, "rows columns"],
    measured: Float32[np.ndarray, "rows columns"] | None,
    wanted: Bool[np.ndarray, "rows columns"],
) -> float:
    """Median distance of the measured depth from the mesh's, metres; infinite where fewer than 100 pixels tell."""
    if measured is None:
        return np.inf
    apart = np.abs(measured[wanted] - surface[wanted])
    apart = apart[np.isfinite(apart)]
    return float(np.median(apart)) if len(apart) >= FEWEST_PIXELS else np.inf


def margin_of(camera: Camera, distance_m: float, config: PaintConfig) -> int:
    """The margin at the distance of the person, in pixels."""
    return round(float(camera.K[0, 0]) * config.margin_m / max(distance_m, NEAR_M))


def nearest_within(
    surface: Float32[np.ndarray, "rows columns"], measured: Float32[np.ndarray, "rows columns"] | None, margin_px: int
) -> Float32[np.ndarray, "rows columns"]:
    """The nearest depth, of mesh or measurement, within a margin of each pixel; infinite where there is none."""
    nearest = np.where(np.isnan(surface), np.float32(np.inf), surface)
    if measured is not None:
        nearest = np.fmin(nearest, measured)
    return cv2.erode(nearest, np.ones((2 * margin_px + 1,) * 2, np.uint8))


def eroded(mask: Bool[np.ndarray, "rows columns"], margin_px: int) -> Bool[np.ndarray, "rows columns"]:
    """The mask without the pixels nearer than a margin to its outline; the image's border is no outline."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin_px + 1,) * 2)
    return cv2.erode(mask.astype(np.uint8), kernel) > 0


def _within(value: float, bounds: tuple[float, float]) -> float:
    return float(min(max(value, bounds[0]), bounds[1]))


def _box(q: np.ndarray, camera: Camera, around: int) -> tuple[slice, slice] | None:
    """Rows and columns that hold the vertices that the camera sees, at least two of each."""
    inside = q[np.isfinite(q).all(-1)]
    size = np.array([camera.width, camera.height])
    if not len(inside):
        return None
    first = np.clip(np.floor(inside.min(0)) - around, 0, size).astype(int)
    last = np.clip(np.ceil(inside.max(0)) + around + 1, 0, size).astype(int)
    if (last - first < 2).any():
        return None
    return slice(int(first[1]), int(last[1])), slice(int(first[0]), int(last[0]))
