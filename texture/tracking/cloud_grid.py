"""How far a cloud lies in front of or behind each vertex of a surface, averaged over the points around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from numba import njit

from geometry.cloud import PointCloud
from texture.errors import TextureError

SAME_SIDE = 0.5
"""Cosine between the normals of point and vertex; below it the point is of another limb or the far side of one."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CloudGrid:
    """An oriented cloud sorted into cubes."""

    points: Float[np.ndarray, "points 3"]
    """Sorted by cube."""
    normals: Float[np.ndarray, "points 3"]
    start: Integer[np.ndarray, "cubes_1"]
    """Points of cube c are `points[start[c]:start[c + 1]]`."""
    low: Float[np.ndarray, "3"]
    shape: Integer[np.ndarray, "3"]
    cube_m: float

    @classmethod
    def of(cls, cloud: PointCloud, cube_m: float) -> CloudGrid:
        """The points that are finite. Raises TextureError for a cloud without normals."""
        if cloud.normals is None:
            raise TextureError("a surface can only follow a cloud with normals; run the stage clouds again")
        points, normals = np.asarray(cloud.points, np.float64), np.asarray(cloud.normals, np.float64)
        finite = np.isfinite(points).all(1) & np.isfinite(normals).all(1)
        points, normals = points[finite], normals[finite]
        low = points.min(0) if len(points) else np.zeros(3)
        high = points.max(0) if len(points) else np.zeros(3)
        shape = np.floor((high - low) / cube_m).astype(np.int64) + 1
        cube = np.floor((points - low) / cube_m).astype(np.int64) @ np.array([shape[1] * shape[2], shape[2], 1])
        order = np.argsort(cube, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(cube, minlength=int(shape.prod())))])
        return cls(
            points=points[order],
            normals=normals[order],
            start=start.astype(np.int32),
            low=low,
            shape=shape,
            cube_m=cube_m,
        )


def offsets_to_cloud(
    vertices: Float[np.ndarray, "vertices 3"],
    normals: Float[np.ndarray, "vertices 3"],
    grid: CloudGrid,
    reach_m: float,
    width_m: float,
) -> tuple[Float[np.ndarray, "vertices"], Float[np.ndarray, "vertices"]]:
    """Signed distance from each vertex along its normal to the cloud, and how much the cloud says there.

    Each point within `reach_m` along the normal that faces the same way gives the distance to its own tangent plane.
    On a round surface that is too far out, by w^2 / R, as the flat faces between vertices are too far in: against the
    points' own distances 0.05 to 0.1 mm are won in the mean over two takes (chamfer/2 0.93 against 0.98 mm where the
    two are averaged). It counts by a Gaussian of `width_m` across the normal and one of half the reach along it. The
    second array is the sum of these weights; the first is 0 where it is 0. `reach_m` and 3 `width_m` must not exceed
    the grid's cubes.
    """
    return _offsets(
        vertices, normals, grid.points, grid.normals, grid.start, grid.low, grid.shape, grid.cube_m, reach_m, width_m
    )


@njit(cache=True, nogil=True)
def _offsets(
    vertices: np.ndarray,
    normals: np.ndarray,
    points: np.ndarray,
    point_normals: np.ndarray,
    start: np.ndarray,
    low: np.ndarray,
    shape: np.ndarray,
    cube_m: float,
    reach_m: float,
    width_m: float,
) -> tuple[np.ndarray, np.ndarray]:
    distance, weight = np.zeros(len(vertices)), np.zeros(len(vertices))
    across_scale, along_scale = 0.5 / width_m**2, 2.0 / reach_m**2
    for i in range(len(vertices)):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        cx, cy, cz = (
            int(np.floor((x - low[0]) / cube_m)),
            int(np.floor((y - low[1]) / cube_m)),
            int(np.floor((z - low[2]) / cube_m)),
        )
        total, mean = 0.0, 0.0
        for gx in range(max(cx - 1, 0), min(cx + 2, shape[0])):
            for gy in range(max(cy - 1, 0), min(cy + 2, shape[1])):
                row = (gx * shape[1] + gy) * shape[2]
                first, last = max(cz - 1, 0), min(cz + 1, shape[2] - 1)
                if first > last:
                    continue
                for p in range(start[row + first], start[row + last + 1]):
                    dx, dy, dz = points[p, 0] - x, points[p, 1] - y, points[p, 2] - z
                    along = dx * nx + dy * ny + dz * nz
                    across = dx * dx + dy * dy + dz * dz - along * along
                    if abs(along) > reach_m or across > 9.0 * width_m * width_m:
                        continue
                    px, py, pz = point_normals[p, 0], point_normals[p, 1], point_normals[p, 2]
                    facing = px * nx + py * ny + pz * nz
                    if facing < SAME_SIDE:
                        continue
                    w = np.exp(-across_scale * across - along_scale * along * along)
                    total += w
                    mean += w * (dx * px + dy * py + dz * pz) / facing
        weight[i] = total
        if total > 0.0:
            distance[i] = mean / total
    return distance, weight
