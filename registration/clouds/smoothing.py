"""Moving least squares on the fused points: each onto the curved patch of its neighbours (numba).

Neighbours of a point are found in the image of its own camera, without a search, while their places are already the
mean of all cameras. The patch is a quadratic over the tangent plane (Alexa et al. 2003), so that limbs keep their
thickness.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float64, Int64

from registration.clouds.agreement import Stack
from registration.clouds.patches import add_moments, normal_matrix, solve_patch

REACH = 2
STRIDE = 3
"""Every third pixel, two to each side: 26 mm at a distance of 2.2 m. Neighbouring pixels share their noise, so that
the ones between would add little."""
GATE_M = 0.006
GATE_SLOPE = 0.5
"""A neighbour further from the tangent plane than this, and than this part of its distance, is another surface."""
BEND = 10.0
"""Half the curvature, 1/m, of a limb of 50 mm radius; with NOISE_M it holds patches that lie on one side."""
NOISE_M = 1e-3
FEWEST = 8
CUT = 7.0
"""Squared distance, in units of the weights' standard deviation, at which they end."""


def smooth(
    stack: Stack,
    points: Float64[np.ndarray, "points 3"],
    chosen: Int64[np.ndarray, "chosen"],
    keep: np.ndarray,
    reach_m: float,
) -> tuple[Float64[np.ndarray, "chosen 3"], Float64[np.ndarray, "chosen 3"]]:
    """The chosen points on their patches, and the patches' normals; both as they were where there is no patch.

    points: all points, fused; keep: which of them may be neighbours; reach_m: standard deviation of the weights.
    """
    out = np.empty((len(chosen), 6))
    pixel = np.empty(len(points), np.int64)
    pixel[stack.index[stack.index >= 0]] = np.flatnonzero(stack.index >= 0)
    ridge = (NOISE_M / (BEND * reach_m * reach_m)) ** 2
    places = (stack.view, stack.index, stack.boxes, pixel)
    _smooth(points, stack.normals, stack.person, places, chosen, keep, reach_m, ridge, out)
    return out[:, :3], out[:, 3:]


@nb.njit(cache=True, error_model="numpy")
def _smooth(points, normals, person, places, chosen, keep, reach, ridge, out):
    view, index, boxes, pixel = places
    A, b, x, first = np.zeros((6, 6)), np.zeros(6), np.zeros(6), np.zeros(6)
    M = np.zeros(15)
    for m in range(len(chosen)):
        i = chosen[m]
        p, n = points[i], normals[i]
        box = boxes[view[i]]
        row, column = divmod(pixel[i] - box[0], box[4])
        # a tangent basis without a branch on direction (Duff et al. 2017)
        sign = 1.0 if n[2] >= 0 else -1.0
        a = -1 / (sign + n[2])
        c = n[0] * n[1] * a
        ux, uy, uz = 1 + sign * n[0] * n[0] * a, sign * c, -sign * n[0]
        vx, vy, vz = c, sign + n[1] * n[1] * a, -n[1]
        M[:], b[:] = 0, 0
        count = 0
        for di in range(-REACH, REACH + 1):
            r = row + STRIDE * di
            if r < 0 or r >= box[3]:
                continue
            for dj in range(-REACH, REACH + 1):
                s = column + STRIDE * dj
                if s < 0 or s >= box[4]:
                    continue
                k = index[box[0] + r * box[4] + s]
                if k < 0 or not keep[k] or person[k] != person[i]:
                    continue
                dx, dy, dz = points[k, 0] - p[0], points[k, 1] - p[1], points[k, 2] - p[2]
                h = dx * n[0] + dy * n[1] + dz * n[2]
                u = (dx * ux + dy * uy + dz * uz) / reach
                v = (dx * vx + dy * vy + dz * vz) / reach
                square = u * u + v * v
                if square > CUT or abs(h) > GATE_M + GATE_SLOPE * reach * np.sqrt(square):
                    continue
                w = 1 - square / CUT
                w *= w * w  # close to the Gaussian exp(-square / 2), and zero at the cut
                add_moments(M, b, u, v, h, w)
                count += 1
        out[m, 0], out[m, 1], out[m, 2] = p[0], p[1], p[2]
        out[m, 3], out[m, 4], out[m, 5] = n[0], n[1], n[2]
        if count < FEWEST:
            continue
        normal_matrix(M, ridge, A)
        if not solve_patch(A, b, x, first):
            continue
        gx, gy = x[1] / reach, x[2] / reach
        nx, ny, nz = n[0] - gx * ux - gy * vx, n[1] - gx * uy - gy * vy, n[2] - gx * uz - gy * vz
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        for q in range(3):
            out[m, q] = p[q] + x[0] * n[q]
        out[m, 3], out[m, 4], out[m, 5] = nx / length, ny / length, nz / length
