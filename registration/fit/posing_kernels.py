"""Compiled loops of posing: skinning with few carriers, vertex normals, and derivatives of single points."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def skin_frame(rest, R, t, carriers, weights, out):
    """Skins one frame: rest (V, 3), R (24, 3, 3), t (24, 3) -> out (V, 3)."""
    for v in range(len(rest)):
        x, y, z = rest[v, 0], rest[v, 1], rest[v, 2]
        a, b, c = 0.0, 0.0, 0.0
        for k in range(carriers.shape[1]):
            w = weights[v, k]
            if w == 0.0:
                continue
            j = carriers[v, k]
            a += w * (R[j, 0, 0] * x + R[j, 0, 1] * y + R[j, 0, 2] * z + t[j, 0])
            b += w * (R[j, 1, 0] * x + R[j, 1, 1] * y + R[j, 1, 2] * z + t[j, 1])
            c += w * (R[j, 2, 0] * x + R[j, 2, 1] * y + R[j, 2, 2] * z + t[j, 2])
        out[v, 0], out[v, 1], out[v, 2] = a, b, c


@numba.njit(cache=True, nogil=True)
def skin_clip(rest, R, t, carriers, weights):
    """Skins all frames: rest (T, V, 3) -> (T, V, 3)."""
    out = np.empty_like(rest)
    for frame in range(len(rest)):
        skin_frame(rest[frame], R[frame], t[frame], carriers, weights, out[frame])
    return out


@numba.njit(cache=True, nogil=True)
def vertex_normals_frame(vertices, faces, out):
    """Unit outward normals (V, 3) of one frame, weighted by the faces' areas."""
    out[:] = 0.0
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1], vertices[j, 2] - vertices[i, 2]
        vx, vy, vz = vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1], vertices[k, 2] - vertices[i, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (i, j, k):
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz
    for v in range(len(out)):
        length = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2)
        if length > 1e-15:
            out[v] /= length


@numba.njit(cache=True, nogil=True)
def vertex_normals_clip(vertices, faces):
    """Normals of all frames: (T, V, 3)."""
    out = np.empty_like(vertices)
    for frame in range(len(vertices)):
        vertex_normals_frame(vertices[frame], faces, out[frame])
    return out


@numba.njit(cache=True, nogil=True)
def collect_point(rest, scale, carriers, weights, R, t, moment, weight):
    """Adds a rest point, by its carriers, to the weighted positions (24, 3) and weights (24) of a frame's joints."""
    for k in range(len(carriers)):
        w = scale * weights[k]
        if w == 0.0:
            continue
        j = carriers[k]
        for i in range(3):
            moment[j, i] += w * (R[j, i, 0] * rest[0] + R[j, i, 1] * rest[1] + R[j, i, 2] * rest[2] + t[j, i])
        weight[j] += w


@numba.njit(cache=True, nogil=True)
def add_shape_row(scale, carriers, weights, shape, direction, R, row, first):
    """Adds the change along a world direction with the coefficients, by the rest point's own change (3, C)."""
    a, b, c = 0.0, 0.0, 0.0
    for k in range(len(carriers)):
        w = scale * weights[k]
        if w == 0.0:
            continue
        j = carriers[k]
        a += w * (R[j, 0, 0] * direction[0] + R[j, 1, 0] * direction[1] + R[j, 2, 0] * direction[2])
        b += w * (R[j, 0, 1] * direction[0] + R[j, 1, 1] * direction[1] + R[j, 2, 1] * direction[2])
        c += w * (R[j, 0, 2] * direction[0] + R[j, 1, 2] * direction[1] + R[j, 2, 2] * direction[2])
    for s in range(shape.shape[1]):
        row[first + s] += a * shape[0, s] + b * shape[1, s] + c * shape[2, s]


@numba.njit(cache=True, nogil=True)
def finish_row(moment, weight, direction, R_parent, joints, d_t, parents, row):
    """Turns collected positions and weights of a point into its row; returns nothing, changes moment and weight.

    The lever of joint j is the sum over the joints below it of w_k (p_k - joint_j).
    """
    first = 3 * len(weight) + 3
    for k in range(len(weight)):
        if weight[k] == 0.0:
            continue
        for s in range(d_t.shape[2]):
            row[first + s] += weight[k] * (
                direction[0] * d_t[k, 0, s] + direction[1] * d_t[k, 1, s] + direction[2] * d_t[k, 2, s]
            )
    for k in range(len(weight) - 1, 0, -1):
        if weight[k] != 0.0:
            p = parents[k]
            weight[p] += weight[k]
            for i in range(3):
                moment[p, i] += moment[k, i]
    for j in range(len(weight)):
        w = weight[j]
        if w == 0.0:
            continue
        x, y, z = moment[j, 0] - w * joints[j, 0], moment[j, 1] - w * joints[j, 1], moment[j, 2] - w * joints[j, 2]
        a = y * direction[2] - z * direction[1]
        b = z * direction[0] - x * direction[2]
        c = x * direction[1] - y * direction[0]
        for i in range(3):
            row[3 * j + i] += R_parent[j, 0, i] * a + R_parent[j, 1, i] * b + R_parent[j, 2, i] * c
    for i in range(3):
        row[first - 3 + i] += weight[0] * direction[i]


@numba.njit(cache=True, nogil=True)
def rows_of_points(
    frames, rest, carriers, weights, shape, directions, R, R_parent, t, joints, d_t, parents
):  # fmt: skip
    """Dense rows (N, 75 + C) of points given by their rest position, carriers and change with the coefficients."""
    count = 3 * R.shape[1] + 3 + d_t.shape[3]
    rows = np.zeros((len(rest), count))
    moment, weight = np.empty((R.shape[1], 3)), np.empty(R.shape[1])
    for n in range(len(rest)):
        f = frames[n]
        moment[:], weight[:] = 0.0, 0.0
        collect_point(rest[n], 1.0, carriers[n], weights[n], R[f], t[f], moment, weight)
        add_shape_row(1.0, carriers[n], weights[n], shape[n], directions[n], R[f], rows[n], count - d_t.shape[3])
        finish_row(moment, weight, directions[n], R_parent[f], joints[f], d_t[f], parents, rows[n])
    return rows
