"""Surface normals of a depth image, turned toward its camera."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float

from geometry.camera import Camera
from geometry.depth import depth_to_points

SMOOTH_PX = 9
SMOOTH_SIGMA_PX = 2.5
SMOOTH_M = 0.03
"""Normals are taken from depth smoothed by a bilateral filter: the raw noise of 2 mm over a pixel of 4.5 mm tilts them
by 25°. Steps of more than about 3 cm stay sharp."""
STEP_PX = 2
MAX_JUMP_M = 0.06
"""Neighbours further away than this, over `STEP_PX` pixels, are another surface."""


def depth_normals(
    depth_m: Float[np.ndarray, "rows columns"], mask: Bool[np.ndarray, "rows columns"], camera: Camera
) -> Float[np.ndarray, "rows columns 3"]:
    """Unit normals in the camera frame that point to the camera's side; NaN outside the mask and where it is too thin.

    Central differences, one-sided at the mask's border.
    """
    inside = mask & (depth_m > 0)
    smooth = cv2.bilateralFilter(np.where(inside, depth_m, 0).astype(np.float32), SMOOTH_PX, SMOOTH_M, SMOOTH_SIGMA_PX)
    points = depth_to_points(np.where(inside, smooth, np.nan), camera)
    across, down = _difference(points, 1), _difference(points, 0)
    normals = np.cross(down, across)
    with np.errstate(invalid="ignore", divide="ignore"):
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        away = np.einsum("hwi,hwi->hw", normals, points) > 0
    normals[away] *= -1
    return normals


def _difference(points: Float[np.ndarray, "rows columns 3"], axis: int) -> Float[np.ndarray, "rows columns 3"]:
    """Change over one pixel along an axis, from the neighbours that lie on the same surface; NaN without any."""
    ahead, behind = np.full_like(points, np.nan), np.full_like(points, np.nan)
    first, last = [slice(None)] * 3, [slice(None)] * 3
    first[axis], last[axis] = slice(None, -STEP_PX), slice(STEP_PX, None)
    step = points[tuple(last)] - points[tuple(first)]
    with np.errstate(invalid="ignore"):
        step = np.where(np.abs(step[..., 2:]) <= MAX_JUMP_M, step, np.nan)
    ahead[tuple(first)], behind[tuple(last)] = step, step
    both = (ahead + behind) / 2
    return np.where(np.isnan(both), np.where(np.isnan(ahead), behind, ahead), both)
