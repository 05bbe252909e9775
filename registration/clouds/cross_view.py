"""Which points other depth cameras confirm, and through which they look: what removes flying pixels (numba)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Int32

from geometry.camera import Camera
from geometry.distortion import distort_point
from registration.clouds.agreement import FACING


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Votes:
    """What the other cameras say of each point."""

    support: Int32[np.ndarray, "points"]
    """Cameras that see a surface of the person there."""
    through: Int32[np.ndarray, "points"]
    """Cameras that see something further away in that direction, and in all four pixels beside it."""
    open: Int32[np.ndarray, "points"]
    """Cameras that the surface faces, and before which nothing hides it."""


def votes(
    p_world: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    seen_by: Int32[np.ndarray, "points"],
    depth_m: Sequence[Float[np.ndarray, "_ _"]],
    masks: Sequence[Bool[np.ndarray, "_ _"]],
    cameras: Sequence[Camera],
    support_m: float,
    carve_m: float,
) -> Votes:
    """How many cameras other than `seen_by` see a surface of the person within `support_m` (along their axis) of each
    point, how many look through it by `carve_m`, and how many should see it.

    The pixel that a point falls on is compared. Missing depth is no evidence of free space: counted as such, it removes
    a fifth of the good points; but a camera that should see a point, and has no depth there, leaves it unconfirmed.
    """
    points = np.ascontiguousarray(p_world, np.float64)
    support, through, open_ = (np.zeros(len(points), np.int32) for _ in range(3))
    facing = np.ascontiguousarray(normals, np.float64)
    for index, (depth, mask, camera) in enumerate(zip(depth_m, masks, cameras)):
        K, k = np.asarray(camera.K, np.float64), np.ascontiguousarray(camera.distortion, np.float64)
        T, radius = np.ascontiguousarray(camera.T_camera_world), float(camera.metric_radius)
        image = np.asarray(depth, np.float32)
        lens = (T, K, k, radius, np.ascontiguousarray(camera.center))
        _vote(points, facing, seen_by, index, image, mask, lens, support_m, carve_m, support, through, open_)
    return Votes(support=support, through=through, open=open_)


@nb.njit(cache=True, error_model="numpy")
def _vote(points, normals, seen_by, index, depth, mask, lens, near, far, support, through, open_):
    T, K, k, radius, center = lens
    height, width = depth.shape
    for i in range(len(points)):
        if seen_by[i] == index:
            continue
        p = points[i]
        z = T[2, 0] * p[0] + T[2, 1] * p[1] + T[2, 2] * p[2] + T[2, 3]
        if z <= 0:
            continue
        x = (T[0, 0] * p[0] + T[0, 1] * p[1] + T[0, 2] * p[2] + T[0, 3]) / z
        y = (T[1, 0] * p[0] + T[1, 1] * p[1] + T[1, 2] * p[2] + T[1, 3]) / z
        if x * x + y * y > radius * radius:
            continue
        xd, yd = distort_point(x, y, k)
        u, v = np.floor(K[0, 0] * xd + K[0, 1] * yd + K[0, 2] + 0.5), np.floor(K[1, 1] * yd + K[1, 2] + 0.5)
        if not (u >= 1 and v >= 1 and u < width - 1 and v < height - 1):
            continue
        row, column = int(v), int(u)
        d = depth[row, column]
        vx, vy, vz = center[0] - p[0], center[1] - p[1], center[2] - p[2]
        along = vx * normals[i, 0] + vy * normals[i, 1] + vz * normals[i, 2]
        if along > FACING * np.sqrt(vx * vx + vy * vy + vz * vz) and not d < z - far:  # also NaN
            open_[i] += 1
        if mask[row, column] and abs(d - z) <= near:
            support[i] += 1
        elif d > z + far and _beyond(depth, row, column, z + far):
            through[i] += 1


@nb.njit(cache=True, error_model="numpy")
def _beyond(depth, row, column, z):
    """Whether the four pixels beside one are further away than z."""
    across = depth[row, column - 1] > z and depth[row, column + 1] > z
    return across and depth[row - 1, column] > z and depth[row + 1, column] > z
