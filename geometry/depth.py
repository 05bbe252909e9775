"""Depth images: millimetres on disk, metres in memory, points in the camera frame."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, UInt16

from geometry.camera import Camera
from geometry.errors import GeometryError
from geometry.rays import ray_table


def decode_depth_mm(depth_mm: UInt16[np.ndarray, "*image"]) -> Float32[np.ndarray, "*image"]:
    """Metres, NaN where the stored value is 0 (missing)."""
    return np.where(depth_mm == 0, np.float32(np.nan), depth_mm.astype(np.float32) / np.float32(1000))


def encode_depth_mm(depth_m: Float[np.ndarray, "*image"]) -> UInt16[np.ndarray, "*image"]:
    """Whole millimetres, 0 where depth is NaN, not positive, or more than uint16 holds (65.535 m)."""
    mm = np.rint(np.nan_to_num(np.asarray(depth_m, np.float64) * 1000, nan=0.0, posinf=0.0, neginf=0.0))
    return np.where((mm > 0) & (mm <= 65535), mm, 0).astype(np.uint16)


def depth_to_points(depth_m: Float[np.ndarray, "height width"], camera: Camera) -> Float[np.ndarray, "height width 3"]:
    """Points in the camera frame, metres; NaN where depth is missing or the lens model does not hold.

    Raises GeometryError when the image has another size than the camera.
    """
    require_size(depth_m, camera)
    z = np.asarray(depth_m, np.float64)[..., None]
    z = np.where(z > 0, z, np.nan)
    points = np.concatenate([ray_table(camera) * z, z], -1)
    points[np.isnan(points[..., 0])] = np.nan
    return points


def points_to_depth(
    p_camera: Float[np.ndarray, "points 3"], camera: Camera, radius_px: int = 0
) -> Float32[np.ndarray, "height width"]:
    """The nearest point's depth in each pixel, metres; NaN where none falls. Points in the camera frame.

    A point fills the square of `radius_px` pixels around the pixel whose centre is nearest to its projection.
    """
    depth = np.full((camera.height, camera.width), np.inf, np.float32)
    q = camera.project_camera(p_camera)
    seen = np.isfinite(q).all(-1)
    _splat(q[seen], np.asarray(p_camera[seen, 2], np.float32), radius_px, depth)
    return np.where(np.isfinite(depth), depth, np.float32(np.nan))


def require_size(image: np.ndarray, camera: Camera) -> None:
    """Raises GeometryError when an image has another size than its camera."""
    height, width = image.shape[:2]
    if (width, height) != (camera.width, camera.height):
        raise GeometryError(
            f"camera '{camera.name}' is calibrated for {camera.width}x{camera.height} pixels, but the image has "
            f"{width}x{height}; use Camera.resized where the image was scaled, or the calibration of its mode"
        )


@nb.njit(cache=True)
def _splat(q, z, radius, depth):
    height, width = depth.shape
    for i in range(len(z)):
        if not (-radius - 1 < q[i, 0] < width + radius and -radius - 1 < q[i, 1] < height + radius):
            continue
        column, row = int(np.floor(q[i, 0] + 0.5)), int(np.floor(q[i, 1] + 0.5))
        for y in range(max(row - radius, 0), min(row + radius + 1, height)):
            for x in range(max(column - radius, 0), min(column + radius + 1, width)):
                depth[y, x] = min(depth[y, x], z[i])
