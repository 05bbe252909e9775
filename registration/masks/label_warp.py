"""A depth image with its people as the colour camera beside it sees them (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, Int8

from geometry.camera import Camera
from geometry.depth import require_size
from geometry.rays import ray_table
from geometry.triangle_coverage import edge, first_pixel, last_pixel
from geometry.warp import JUMP, project_grid

UNSEEN = -2
"""A colour pixel whose surface the depth camera did not measure."""
AROUND_PX = 24
"""Depth pixels around the people that are drawn too: who stands in front, and what is known to be behind."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WarpedLabels:
    """Part of a colour image."""

    left: int
    top: int
    """First column and row of the part."""
    person: Int8[np.ndarray, "rows columns"]
    """-1 where something else is seen, `UNSEEN` where nothing was measured."""
    depth_m: Float32[np.ndarray, "rows columns"]
    """Along the colour camera's axis, infinite where nothing was measured."""


def warp_labels(
    depth_m: Float[np.ndarray, "height width"],
    person: Int8[np.ndarray, "height width"],
    depth_camera: Camera,
    color_camera: Camera,
    margin_px: int = 0,
) -> WarpedLabels | None:
    """Whose each colour pixel around the people is, where the depth camera sees it; None where it sees nobody.

    Neighbouring depth pixels span triangles; the nearest one wins, edges are not bridged (see `geometry.warp`). Each
    pixel belongs to whom its nearest corner belongs to. `margin_px`: colour pixels added around the people.
    Raises GeometryError when the depth image has another size than its camera.
    """
    require_size(depth_m, depth_camera)
    rows, columns = np.flatnonzero((person >= 0).any(1)), np.flatnonzero((person >= 0).any(0))
    if not len(rows):
        return None
    top, bottom = max(rows[0] - AROUND_PX, 0), min(rows[-1] + AROUND_PX + 1, depth_m.shape[0])
    left, right = max(columns[0] - AROUND_PX, 0), min(columns[-1] + AROUND_PX + 1, depth_m.shape[1])
    part = (slice(top, bottom), slice(left, right))
    z = np.ascontiguousarray(depth_m[part], np.float64)
    whose = np.ascontiguousarray(person[part])
    q, z_color = np.empty((*z.shape, 2)), np.empty(z.shape)
    T_color_depth = color_camera.T_camera_world @ depth_camera.T_world_camera
    project_grid(
        z, np.ascontiguousarray(ray_table(depth_camera)[part]), T_color_depth, np.asarray(color_camera.K, np.float64),
        np.ascontiguousarray(color_camera.distortion, np.float64), float(color_camera.metric_radius), q, z_color,
    )  # fmt: skip
    seen = q[(whose >= 0) & np.isfinite(z_color)]
    inside = seen[((seen >= -0.5) & (seen < [color_camera.width - 0.5, color_camera.height - 0.5])).all(-1)]
    if not len(inside):
        return None
    low = np.maximum(np.floor(inside.min(0)).astype(int) - margin_px, 0)
    high = np.minimum(np.ceil(inside.max(0)).astype(int) + margin_px + 1, [color_camera.width, color_camera.height])
    shape = (int(high[1] - low[1]), int(high[0] - low[0]))
    nearest, label = np.full(shape, np.inf, np.float32), np.full(shape, UNSEEN, np.int8)
    _draw(q - low, z_color, whose, JUMP, nearest, label)
    return WarpedLabels(left=int(low[0]), top=int(low[1]), person=label, depth_m=nearest)


@nb.njit(cache=True, nogil=True)
def _draw(q, z, whose, jump, nearest, label):
    """Draws the two triangles of each square of the grid; the nearest depth and its corner's person stay."""
    for i in range(z.shape[0] - 1):
        for j in range(z.shape[1] - 1):
            _draw_triangle(q, z, whose, i, j, i, j + 1, i + 1, j + 1, jump, nearest, label)
            _draw_triangle(q, z, whose, i, j, i + 1, j + 1, i + 1, j, jump, nearest, label)


@nb.njit(inline="always")
def _draw_triangle(q, z, whose, ai, aj, bi, bj, ci, cj, jump, nearest, label):
    za, zb, zc = z[ai, aj], z[bi, bj], z[ci, cj]
    ax, ay, bx, by, cx, cy = q[ai, aj, 0], q[ai, aj, 1], q[bi, bj, 0], q[bi, bj, 1], q[ci, cj, 0], q[ci, cj, 1]
    close = min(za, zb, zc)
    area = edge(ax, ay, bx, by, cx, cy)
    if area == 0 or not np.isfinite(area) or max(za, zb, zc) - close > jump * close:
        return
    for row in range(first_pixel(ay, by, cy, label.shape[0]), last_pixel(ay, by, cy, label.shape[0]) + 1):
        for column in range(first_pixel(ax, bx, cx, label.shape[1]), last_pixel(ax, bx, cx, label.shape[1]) + 1):
            wa = edge(bx, by, cx, cy, column, row) / area
            wb = edge(cx, cy, ax, ay, column, row) / area
            wc = edge(ax, ay, bx, by, column, row) / area
            if wa >= 0 and wb >= 0 and wc >= 0:
                depth = wa * za + wb * zb + wc * zc
                if depth < nearest[row, column]:
                    nearest[row, column] = depth
                    if wa >= wb and wa >= wc:
                        label[row, column] = whose[ai, aj]
                    elif wb >= wc:
                        label[row, column] = whose[bi, bj]
                    else:
                        label[row, column] = whose[ci, cj]
