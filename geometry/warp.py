"""A depth image as another camera sees it: the depth of each colour pixel, as the Azure Kinect SDK computes it (numba).

Neighbouring depth pixels span two triangles a square; each is projected into the other camera and drawn into a
z-buffer, unless its corners' depths differ so much that it would bridge an edge.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Float32

from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.rigid import transform
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
    T_color_depth = color_camera.T_camera_world @ depth_camera.T_world_camera
    p_color = transform(T_color_depth, depth_to_points(depth_m, depth_camera))
    q, z = color_camera.project_camera(p_color), np.ascontiguousarray(p_color[..., 2])
    warped = np.full((color_camera.height, color_camera.width), np.inf)
    _draw_grid(q, z, JUMP, warped)
    return np.where(np.isfinite(warped), warped, np.nan).astype(np.float32)


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
