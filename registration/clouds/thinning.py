"""One point for each voxel: the most certain one (numba, a hash table of voxels)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Int64


def most_certain(
    points: Float[np.ndarray, "points 3"], sigma: Float[np.ndarray, "points"], voxel_m: float
) -> Int64[np.ndarray, "kept"]:
    """Indices, ascending, of the point with the smallest sigma in each occupied voxel; the first of equal ones."""
    if not len(points):
        return np.zeros(0, np.int64)
    size = 1 << int(np.ceil(np.log2(1.25 * len(points) + 2)))
    table = np.full((size, 2), -1, np.int64)
    corner = np.floor(points.min(0) / voxel_m)
    sides = np.floor(points.max(0) / voxel_m) - corner + 1
    _choose(np.ascontiguousarray(points), np.ascontiguousarray(sigma, np.float64), voxel_m, corner, sides, table)
    kept = np.zeros(len(points), bool)
    kept[table[table[:, 1] >= 0, 1]] = True
    return np.flatnonzero(kept)


@nb.njit(cache=True, error_model="numpy")
def _choose(points, sigma, voxel, corner, sides, table):
    """Puts each voxel's key and best point into an open-addressing table of a power of two."""
    last = len(table) - 1
    for i in range(len(points)):
        x = np.int64(np.floor(points[i, 0] / voxel) - corner[0])
        y = np.int64(np.floor(points[i, 1] / voxel) - corner[1])
        z = np.int64(np.floor(points[i, 2] / voxel) - corner[2])
        key = (x * np.int64(sides[1]) + y) * np.int64(sides[2]) + z
        slot = ((key * 0x9E3779B1) >> 7) & last
        while table[slot, 1] >= 0 and table[slot, 0] != key:
            slot = (slot + 1) & last
        if table[slot, 1] < 0 or sigma[i] < sigma[table[slot, 1]]:
            table[slot, 0], table[slot, 1] = key, i
