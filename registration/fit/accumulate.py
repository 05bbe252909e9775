"""Compiled sums of J^T W J over rows that are mostly zero: only the ancestors of a point's carriers move it."""

from __future__ import annotations

import numba
import numpy as np

from registration.fit.posing_kernels import add_shape_row, collect_point, finish_row


@numba.njit(cache=True, nogil=True)
def add_row(H, g, row, information, residual, index):
    """Adds one row to the lower triangle of H and to g; `index` is scratch space of the row's length."""
    count = 0
    for i in range(len(row)):
        if row[i] != 0.0:
            index[count] = i
            count += 1
    for n in range(count):
        i = index[n]
        w = information * row[i]
        g[i] += w * residual
        for m in range(n + 1):
            k = index[m]
            H[i, k] += w * row[k]


@numba.njit(cache=True, nogil=True)
def mirror(H):
    """Fills the upper triangle from the lower."""
    for i in range(len(H)):
        for k in range(i):
            H[k, i] = H[i, k]


@numba.njit(cache=True, nogil=True)
def landmark_block(
    rest, carriers, weights, shape, information, residual, R, R_parent, t, joints, d_t, parents
):  # fmt: skip
    """H, g of one frame's landmarks over 75 + C + 3 N unknowns, whose last are the landmarks' own offsets.

    information: (N, 3, 3) inverse covariances; residual: (N, 3); landmarks without information are skipped.
    """
    first = 3 * len(joints) + 3 + d_t.shape[2]
    size = first + 3 * len(rest)
    H, g = np.zeros((size, size)), np.zeros(size)
    row, index = np.zeros(size), np.empty(size, np.int64)
    moment, weight = np.empty((len(joints), 3)), np.empty(len(joints))
    direction, own = np.empty(3), np.zeros((3, 3))
    for i in range(3):
        own[i, i] = 1.0
    for n in range(len(rest)):
        if information[n, 0, 0] + information[n, 1, 1] + information[n, 2, 2] <= 0.0:
            continue
        L = np.linalg.cholesky(information[n])
        for k in range(3):
            direction[:] = L[:, k]
            row[:] = 0.0
            moment[:], weight[:] = 0.0, 0.0
            collect_point(rest[n], 1.0, carriers[n], weights[n], R, t, moment, weight)
            add_shape_row(1.0, carriers[n], weights[n], shape[n], direction, R, row, first - d_t.shape[2])
            add_shape_row(1.0, carriers[n], weights[n], own, direction, R, row, first + 3 * n)
            finish_row(moment, weight, direction, R_parent, joints, d_t, parents, row)
            along = direction[0] * residual[n, 0] + direction[1] * residual[n, 1] + direction[2] * residual[n, 2]
            add_row(H, g, row, 1.0, along, index)
    mirror(H)
    return H, g


@numba.njit(cache=True, nogil=True)
def fill_surface_row(
    corners, bary, direction, rest, carriers, weights, shape, R, R_parent, t, joints, d_t, parents, moment, weight, row
):  # fmt: skip
    """Sets the row (75 + C) of a point in a triangle of the body, along a direction; moment and weight are scratch."""
    row[:] = 0.0
    moment[:], weight[:] = 0.0, 0.0
    for c in range(3):
        scale, v = bary[c], corners[c]
        if scale == 0.0:
            continue
        collect_point(rest[v], scale, carriers[v], weights[v], R, t, moment, weight)
        add_shape_row(scale, carriers[v], weights[v], shape[v], direction, R, row, 3 * len(joints) + 3)
    finish_row(moment, weight, direction, R_parent, joints, d_t, parents, row)


@numba.njit(cache=True, nogil=True)
def surface_block(
    corners, bary, directions, information, residual, rest, carriers, weights, shape,
    R, R_parent, t, joints, d_t, parents,
):  # fmt: skip
    """H, g of one frame's surface points over 75 + C unknowns; each point lies in a triangle of the body.

    corners: (N, 3) vertices with bary (N, 3) weights; directions (N, 3), information and residual (N,) along them.
    """
    size = 3 * len(joints) + 3 + d_t.shape[2]
    H, g = np.zeros((size, size)), np.zeros(size)
    row, index = np.zeros(size), np.empty(size, np.int64)
    moment, weight = np.empty((len(joints), 3)), np.empty(len(joints))
    for n in range(len(corners)):
        if information[n] <= 0.0:
            continue
        fill_surface_row(
            corners[n], bary[n], directions[n], rest, carriers, weights, shape, R, R_parent, t, joints, d_t, parents,
            moment, weight, row,
        )  # fmt: skip
        add_row(H, g, row, information[n], residual[n], index)
    mirror(H)
    return H, g
