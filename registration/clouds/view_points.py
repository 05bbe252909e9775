"""The points of one depth camera: its denoised pixels in the world, each with normal and certainty (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Float64, Int32, Integer

from geometry.camera import Camera
from geometry.depth import require_size
from geometry.rays import ray_table
from registration.clouds.config import CloudConfig
from registration.clouds.depth_noise import patch_sigma
from registration.clouds.edges import on_edge
from registration.clouds.multipath import multipath_error
from registration.clouds.patches import fit_patches
from registration.clouds.views import DepthView, box_of

MARGIN_PX = 2
"""The image is cut this far around the person, for the neighbours of its rim."""
EDGE_SIGMA = 2.5
"""A point at an edge is this much less certain."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ViewPoints:
    """What one camera says of the people's surface."""

    camera: Camera
    depth_m: Float[np.ndarray, "height width"]
    """The whole image, as measured."""
    points: Float64[np.ndarray, "points 3"]
    """World, metres."""
    normals: Float64[np.ndarray, "points 3"]
    """Unit, to the camera's side."""
    sigma: Float64[np.ndarray, "points"]
    """Standard deviation along the normal, metres."""
    person: Integer[np.ndarray, "points"]
    edge: Bool[np.ndarray, "points"]
    """Beside a step of the depth image: the pixel may show two surfaces, and its place is that of its neighbours'
    patch."""
    index: Int32[np.ndarray, "rows columns"]
    """Which point a pixel of the box is; -1 for none."""
    corner: tuple[int, int]
    """Row and column of the box's first pixel."""
    seen: int
    """Pixels of people with a depth."""


def view_points(view: DepthView, config: CloudConfig) -> ViewPoints:
    """The points of a view. Raises GeometryError when the image has another size than its camera."""
    require_size(view.depth_m, view.camera)
    rows, columns = box_of(view.mask, MARGIN_PX)
    depth = np.array(view.depth_m[rows, columns], np.float32)
    mask = view.mask[rows, columns] & (depth > 0)
    if not mask.any():
        return _nothing(view)
    usable = mask & ~on_edge(depth, config.flying_m)
    if config.multipath > 0:
        depth -= multipath_error(view.depth_m, ray_table(view.camera), view.mask, (rows, columns), config.multipath)
    patches = fit_patches(depth, mask, usable, max(config.denoise_px, 1.0))
    z = patches.z_m if config.denoise_px > 0 else np.where(np.isfinite(patches.z_m), depth, np.float32(np.nan))
    out, index = np.empty((mask.size, 9)), np.full(depth.shape, -1, np.int32)
    rays = np.ascontiguousarray(ray_table(view.camera)[rows, columns])
    T = np.ascontiguousarray(view.camera.T_world_camera, np.float64)
    slope = np.ascontiguousarray(patches.slope)
    count = _lift(z, slope, patches.leverage, patches.residual_m, rays, T, config.grazing, out, index)
    out, kept = out[:count], index >= 0
    edge = ~usable[kept]
    sigma = patch_sigma(np.linalg.norm(out[:, :3] - view.camera.center, axis=1), *out[:, 6:9].T)
    return ViewPoints(
        camera=view.camera,
        depth_m=view.depth_m,
        points=out[:, :3],
        normals=out[:, 3:6],
        sigma=np.where(edge, EDGE_SIGMA, 1) * sigma,
        person=view.people((rows, columns))[kept],
        edge=edge,
        index=index,
        corner=(rows.start, columns.start),
        seen=int(mask.sum()),
    )


def _nothing(view: DepthView) -> ViewPoints:
    """The points of a camera that sees nobody."""
    none = np.zeros((0, 3))
    return ViewPoints(
        camera=view.camera,
        depth_m=view.depth_m,
        points=none,
        normals=none,
        sigma=np.zeros(0),
        person=np.zeros(0, np.int8),
        edge=np.zeros(0, bool),
        index=np.zeros((0, 0), np.int32),
        corner=(0, 0),
        seen=0,
    )


@nb.njit(cache=True, error_model="numpy")
def _lift(z, slope, leverage, residual, rays, T, grazing, out, index):
    """World point, normal, cosine, leverage and residual of each pixel with a patch, in rows; returns how many."""
    count = 0
    height, width = z.shape
    n = np.zeros(3)
    for i in range(height):
        for j in range(width):
            if not z[i, j] > 0:
                continue
            left, right = max(j - 1, 0), min(j + 1, width - 1)
            up, down = max(i - 1, 0), min(i + 1, height - 1)
            x, y = rays[i, j, 0], rays[i, j, 1]
            ax = slope[i, j, 0] * x + z[i, j] * (rays[i, right, 0] - rays[i, left, 0]) / (right - left)
            ay = slope[i, j, 0] * y + z[i, j] * (rays[i, right, 1] - rays[i, left, 1]) / (right - left)
            az = slope[i, j, 0]
            bx = slope[i, j, 1] * x + z[i, j] * (rays[down, j, 0] - rays[up, j, 0]) / (down - up)
            by = slope[i, j, 1] * y + z[i, j] * (rays[down, j, 1] - rays[up, j, 1]) / (down - up)
            bz = slope[i, j, 1]
            n[0], n[1], n[2] = by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax
            length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
            cosine = -(n[0] * x + n[1] * y + n[2]) / (length * np.sqrt(x * x + y * y + 1))
            if cosine < 0:
                cosine, length = -cosine, -length
            if not cosine >= grazing:
                continue
            for r in range(3):
                out[count, r] = (T[r, 0] * x + T[r, 1] * y + T[r, 2]) * z[i, j] + T[r, 3]
                out[count, 3 + r] = (T[r, 0] * n[0] + T[r, 1] * n[1] + T[r, 2] * n[2]) / length
            out[count, 6], out[count, 7], out[count, 8] = cosine, leverage[i, j], residual[i, j]
            index[i, j] = count
            count += 1
    return count
