"""One point for each voxel: the most certain one (numba, a hash table of voxels)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Int64


def most_certain(
    points: Float[np.ndarray, "points 3"], sigma: Float[np.ndarray, "points"], voxel_m: float
) -> Int64[np.ndarray, "kept"]:
    """Indices, ascending, of the point with the smallest sigma in each occupied voxel; the first of equal ones."""
    cells = np.floor(points / voxel_m).astype(np.int64)
    if not len(cells):
        return np.zeros(0, np.int64)
    cells -= cells.min(0)
    sides = cells.max(0) + 1
    keys = (cells[:, 0] * sides[1] + cells[:, 1]) * sides[2] + cells[:, 2]
    size = 1 << int(np.ceil(np.log2(2 * len(keys) + 2)))
    best = np.full(size, -1, np.int64)
    _choose(keys, np.ascontiguousarray(sigma, np.float64), best)
    return np.sort(best[best >= 0])


@nb.njit(cache=True)
def _choose(keys, sigma, best):
    """Puts the best point of each key into an open-addressing table of a power of two."""
    last = len(best) - 1
    for i in range(len(keys)):
        slot = ((keys[i] * 0x9E3779B1) >> 7) & last
        while best[slot] >= 0 and keys[best[slot]] != keys[i]:
            slot = (slot + 1) & last
        if best[slot] < 0 or sigma[i] < sigma[best[slot]]:
            best[slot] = i
