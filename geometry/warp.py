"""A depth image as another camera sees it: the depth of each colour pixel, as the Azure Kinect SDK computes it (numba).

Neighbouring depth pixels span two triangles a square; each is projected into the other camera and drawn into a
z-buffer, unless its corners' depths differ so much that it would bridge an edge.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Float32

from geometry.camera import Camera
from geometry.depth import require_size
from geometry.distortion import distort_point
from geometry.rays import ray_table
from geometry.triangle_coverage import edge, first_pixel, last_pixel

JUMP = 0.04693441759
"""A triangle whose corners' depths differ by more than this part of the nearest is an edge of the scene, not a surface
(Azure Kinect SDK, `transformation.c`)."""


def warp_depth_to_color(
    depth_m: Float[np.ndarray, "height width"], depth_camera: Camera, color_camera: Camera
) -> Float32[np.ndarray, "rows columns"]:
    """Depth along the colour camera's axis at each colour pixel, metres; NaN where the depth camera saw nothing.

    Within a triangle depth is linear in the image, as in the SDK (0.5 mm from the exact value at 2 m, at most).
    Raises GeometryError when the depth image has another size than its camera.
    """
    require_size(depth_m, depth_camera)
    T_color_depth = color_camera.T_camera_world @ depth_camera.T_world_camera
    q, z = np.empty((*depth_m.shape, 2)), np.empty(depth_m.shape)
    K, k = np.asarray(color_camera.K, np.float64), np.ascontiguousarray(color_camera.distortion, np.float64)
    depth = np.ascontiguousarray(depth_m, np.float64)
    project_grid(depth, ray_table(depth_camera), T_color_depth, K, k, float(color_camera.metric_radius), q, z)
    warped = np.full((color_camera.height, color_camera.width), np.inf)
    _draw_grid(q, z, JUMP, warped)
    return np.where(np.isfinite(warped), warped, np.nan).astype(np.float32)


@nb.njit(cache=True, nogil=True)
def project_grid(depth, rays, T, K, k, metric_radius, q, z):
    """Fills the colour pixel and colour depth of each depth pixel; NaN where there is none."""
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            x, y, d = rays[i, j, 0] * depth[i, j], rays[i, j, 1] * depth[i, j], depth[i, j]
            zc = T[2, 0] * x + T[2, 1] * y + T[2, 2] * d + T[2, 3]
            z[i, j], q[i, j, 0], q[i, j, 1] = np.nan, np.nan, np.nan
            if not (d > 0 and zc > 0):
                continue
            xc = (T[0, 0] * x + T[0, 1] * y + T[0, 2] * d + T[0, 3]) / zc
            yc = (T[1, 0] * x + T[1, 1] * y + T[1, 2] * d + T[1, 3]) / zc
            if not np.hypot(xc, yc) <= metric_radius:
                continue
            xd, yd = distort_point(xc, yc, k)
            z[i, j] = zc
            q[i, j, 0] = K[0, 0] * xd + K[0, 1] * yd + K[0, 2]
            q[i, j, 1] = K[1, 0] * xd + K[1, 1] * yd + K[1, 2]


@nb.njit(cache=True)
def _draw_grid(q, z, jump, warped):
    """Draws the two triangles of each square of the grid; the nearest depth stays."""
    for i in range(z.shape[0] - 1):
        for j in range(z.shape[1] - 1):
            _draw_triangle(q, z, i, j, i, j + 1, i + 1, j + 1, jump, warped)
            _draw_triangle(q, z, i, j, i + 1, j + 1, i + 1, j, jump, warped)


@nb.njit(inline="always")
def _draw_triangle(q, z, ai, aj, bi, bj, ci, cj, jump, warped):
    za, zb, zc = z[ai, aj], z[bi, bj], z[ci, cj]
    ax, ay, bx, by, cx, cy = q[ai, aj, 0], q[ai, aj, 1], q[bi, bj, 0], q[bi, bj, 1], q[ci, cj, 0], q[ci, cj, 1]
    nearest = min(za, zb, zc)
    area = edge(ax, ay, bx, by, cx, cy)
    if area == 0 or not np.isfinite(area) or max(za, zb, zc) - nearest > jump * nearest:
        return
    for row in range(first_pixel(ay, by, cy, warped.shape[0]), last_pixel(ay, by, cy, warped.shape[0]) + 1):
        for column in range(first_pixel(ax, bx, cx, warped.shape[1]), last_pixel(ax, bx, cx, warped.shape[1]) + 1):
            wa = edge(bx, by, cx, cy, column, row) / area
            wb = edge(cx, cy, ax, ay, column, row) / area
            wc = edge(ax, ay, bx, by, column, row) / area
            if wa >= 0 and wb >= 0 and wc >= 0:
                warped[row, column] = min(warped[row, column], wa * za + wb * zb + wc * zc)
