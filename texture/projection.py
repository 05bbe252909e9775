"""Colours of surface points from several cameras: who sees a point, and how much each view counts.

A point takes a camera's colour only if nothing of the mesh is in front of it (z-buffer) and, where the camera has a
depth camera beside it, the measured depth there is the point's own: the mesh is never quite right at silhouettes, and
without this test arms are painted on the chest and background on the skin. Views are blended by cos⁴/z²: a blend
survives small calibration errors better than the best view alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from geometry.camera import Camera
from geometry.distortion import distort_point
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera

SELF_TOLERANCE_M = 0.015
"""Depth by which a point may lie behind its own mesh's z-buffer, at normal incidence."""
MEASURED_TOLERANCE_M = 0.030
"""Depth by which the measured surface may differ from the mesh: the fit's error and the sensor's."""
MIN_COSINE = 0.1
"""Flatter views than 84 degrees smear colours along the surface."""
POWER = 4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TextureView:
    """One colour image of one instant."""

    image: UInt8[np.ndarray, "rows columns 3"]
    camera: Camera
    depth_m: Float[np.ndarray, "rows columns"] | None = None
    """Measured depth at each colour pixel; NaN where unknown. None for a camera without a depth camera."""
    mask: Bool[np.ndarray, "rows columns"] | None = None
    """Pixels that show the person; None where that is not known."""


def project_colors(
    points: Float32[np.ndarray, "points 3"],
    normals: Float32[np.ndarray, "points 3"],
    mesh: TriangleMesh,
    views: Sequence[TextureView],
) -> tuple[Float32[np.ndarray, "points 3"], Float32[np.ndarray, "points"]]:
    """RGB of each surface point (0..255) blended over the views that see it, and the sum of its weights.

    Points and unit normals lie on `mesh`, world, metres. A point that no view sees has weight 0 and colour 0.
    """
    total, weight = np.zeros((len(points), 3), np.float32), np.zeros(len(points), np.float32)
    for view in views:
        camera, shape = view.camera, view.image.shape[:2]
        own = rasterize_camera(mesh, camera).depth
        measured = np.zeros((1, 1), np.float32) if view.depth_m is None else np.asarray(view.depth_m, np.float32)
        mask = np.ones(shape, np.bool_) if view.mask is None else view.mask
        k, radius = np.ascontiguousarray(camera.distortion, np.float64), float(camera.metric_radius)
        T, K, center = camera.T_camera_world, camera.K, np.ascontiguousarray(camera.center)
        image = np.ascontiguousarray(view.image)
        _add_view(points, normals, image, own, measured, mask, T, K, k, radius, center, total, weight)
    return total / np.maximum(weight, 1e-12)[:, None], weight


@nb.njit(cache=True, nogil=True)
def _add_view(points, normals, image, own, measured, mask, T, K, k, radius, center, total, weight):
    """Adds one view's weighted colours."""
    rows, columns = mask.shape
    has_depth = measured.shape[0] == rows and measured.shape[1] == columns
    for n in range(len(points)):
        px, py, pz = points[n, 0], points[n, 1], points[n, 2]
        vx, vy, vz = center[0] - px, center[1] - py, center[2] - pz
        cosine = (normals[n, 0] * vx + normals[n, 1] * vy + normals[n, 2] * vz) / np.sqrt(vx * vx + vy * vy + vz * vz)
        if cosine < MIN_COSINE:
            continue
        z = T[2, 0] * px + T[2, 1] * py + T[2, 2] * pz + T[2, 3]
        if z <= 0:
            continue
        x = (T[0, 0] * px + T[0, 1] * py + T[0, 2] * pz + T[0, 3]) / z
        y = (T[1, 0] * px + T[1, 1] * py + T[1, 2] * pz + T[1, 3]) / z
        if not np.hypot(x, y) <= radius:
            continue
        xd, yd = distort_point(x, y, k)
        u = K[0, 0] * xd + K[0, 1] * yd + K[0, 2]
        v = K[1, 0] * xd + K[1, 1] * yd + K[1, 2]
        column, row = int(np.floor(u)), int(np.floor(v))
        if column < 0 or row < 0 or column >= columns - 1 or row >= rows - 1:
            continue
        near_column, near_row = int(np.floor(u + 0.5)), int(np.floor(v + 0.5))
        if not mask[near_row, near_column]:
            continue
        surface = own[near_row, near_column]
        if not z <= surface + SELF_TOLERANCE_M / max(cosine, 0.2):  # NaN: the mesh does not cover this pixel
            continue
        if has_depth and abs(measured[near_row, near_column] - z) > MEASURED_TOLERANCE_M:
            continue
        w = cosine**POWER / (z * z)
        a, b = u - column, v - row
        for c in range(3):
            top = (1 - a) * image[row, column, c] + a * image[row, column + 1, c]
            bottom = (1 - a) * image[row + 1, column, c] + a * image[row + 1, column + 1, c]
            total[n, c] += w * ((1 - b) * top + b * bottom)
        weight[n] += w
