"""Compiled sums of J^T W J of clothed points, and of their rows by patches."""

from __future__ import annotations

import numba
import numpy as np

from registration.fit.accumulate import add_row, fill_surface_row, mirror


@numba.njit(cache=True, nogil=True)
def clothed_block(
    patches, patch, information, inside, residual, inside_residual, corners, bary, directions, rest, carriers, weights,
    shape, R, R_parent, t, joints, d_t, parents,
):  # fmt: skip
    """H, g of one frame over 75 + C unknowns as surface_block has them, and the sums by patch of information times row.

    Each point counts twice: by its margin (information, residual), and for not being inside the skin (inside,
    inside_residual); only the first goes into the patches' sums.
    """
    size = 3 * len(joints) + 3 + d_t.shape[2]
    H, g, G = np.zeros((size, size)), np.zeros(size), np.zeros((patches, size))
    row, index = np.zeros(size), np.empty(size, np.int64)
    moment, weight = np.empty((len(joints), 3)), np.empty(len(joints))
    for n in range(len(corners)):
        total = information[n] + inside[n]
        if total <= 0.0:
            continue
        fill_surface_row(
            corners[n], bary[n], directions[n], rest, carriers, weights, shape, R, R_parent, t, joints, d_t, parents,
            moment, weight, row,
        )  # fmt: skip
        mean = (information[n] * residual[n] + inside[n] * inside_residual[n]) / total
        add_row(H, g, row, total, mean, index)
        p = patch[n]
        for i in range(size):
            G[p, i] += information[n] * row[i]
    mirror(H)
    return H, g, G
