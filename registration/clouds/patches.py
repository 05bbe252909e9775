"""A curved patch around each depth pixel: the denoised depth, its slope and its certainty (numba).

Around every pixel, depth is fitted by a quadratic of the image coordinates, with Gaussian weights, over the neighbours
that continue its surface. A quadratic keeps the curvature of limbs, which an average would shrink: the mean over
10 mm of a wrist of 30 mm lies 1.7 mm under its skin. Edges stay, because what does not continue the surface is not
part of the fit (Savitzky and Golay 1964, in two dimensions; a bilateral filter of second order).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Float32, Float64

GATE_M = 0.012
"""A neighbour continues the surface when it is this close to the pixel's own tangent plane: five times the noise."""
GATE_SLOPE = 0.35
"""…and further off, as a part of how much the plane falls on the way: its slope is known to a third on steep limbs."""
JUMP_M = 0.03
"""Steps to the pixels beside that are larger than this say nothing about the slope."""
FEWEST = 6
"""A patch of fewer pixels has no slope that could be trusted; it is thinner than a finger."""
NOISE_M = 2.5e-3
"""Noise of one pixel at the middle of a rig, for the balance with the next."""
BEND_M = 0.8e-3
"""How much depth bends over one pixel: that of a finger of 24 mm seen from 2.2 m. It holds patches at rims, whose
pixels lie on one side, to what a body is like."""
SLIGHT = 1e-3
"""Pull of slopes to zero, so that pixels in one row have a patch too."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Patches:
    """What the fit says at each pixel of a box; NaN where there is no patch."""

    z_m: Float32[np.ndarray, "rows columns"]
    """Denoised depth."""
    slope: Float32[np.ndarray, "rows columns 2"]
    """Its change over one pixel, along columns (x) and rows (y), metres."""
    leverage: Float32[np.ndarray, "rows columns"]
    """Variance of the denoised depth as a part of that of a pixel whose noise is independent."""
    residual_m: Float32[np.ndarray, "rows columns"]
    """Root mean square of what the patch leaves."""


def fit_patches(
    depth_m: Float[np.ndarray, "rows columns"],
    wanted: Bool[np.ndarray, "rows columns"],
    usable: Bool[np.ndarray, "rows columns"],
    sigma_px: float,
) -> Patches:
    """The patch around each wanted pixel, from usable pixels within two standard deviations of the weights.

    A wanted pixel that is not usable lies on the patch of those beside it, if it is close to that.
    """
    radius = max(1, round(2 * sigma_px))
    weight = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma_px, 1e-6)) ** 2)
    shape = np.shape(depth_m)
    out = np.full((5, *shape), np.nan, np.float32)
    depth = np.ascontiguousarray(depth_m, np.float32)
    ridge = (NOISE_M / BEND_M) ** 2
    whole = whole_inverse(radius, sigma_px)
    _fit(depth, np.ascontiguousarray(wanted), np.ascontiguousarray(usable), weight, whole, ridge, out)
    return Patches(z_m=out[0], slope=np.moveaxis(out[1:3], 0, -1), leverage=out[3], residual_m=out[4])


@lru_cache(maxsize=16)
def whole_inverse(radius: int, sigma_px: float) -> Float64[np.ndarray, "6 6"]:
    """Inverse of the normal matrix of a patch without gaps, which is the same everywhere; 1 x y x² xy y²."""
    y, x = (g.ravel().astype(float) for g in np.mgrid[-radius : radius + 1, -radius : radius + 1])
    design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
    weight = np.exp(-0.5 * (x * x + y * y) / max(sigma_px, 1e-6) ** 2)
    pull = np.diag([0, SLIGHT, SLIGHT, 1, 1, 1]) * np.array([1, 1, 1, *[(NOISE_M / BEND_M) ** 2] * 3])
    return np.linalg.inv(design.T @ (weight[:, None] * design) + pull)


@nb.njit(cache=True, error_model="numpy")
def _difference(depth, usable, i, j, di, dj):
    """Slope in one direction from the pixels one and two steps away on either side; 0 where none is known."""
    total, count = 0.0, 0.0
    height, width = depth.shape
    for step in range(1, 3):
        for side in (-1, 1):
            a, b = i + side * step * di, j + side * step * dj
            if 0 <= a < height and 0 <= b < width and usable[a, b]:
                d = depth[a, b] - depth[i, j]
                if abs(d) <= JUMP_M * step:
                    total += side * step * d
                    count += step * step
    return total / count if count > 0 else 0.0


@nb.njit(cache=True, error_model="numpy")
def _fit(depth, wanted, usable, weight, whole, ridge, out):
    height, width = depth.shape
    radius = len(weight) // 2
    M, b, x = np.zeros(15), np.zeros(6), np.zeros(6)
    A, first = np.zeros((6, 6)), np.zeros(6)
    good = np.zeros((2 * radius + 1, 2 * radius + 1), np.bool_)
    everything, total = good.size, weight.sum() ** 2
    for i in range(height):
        for j in range(width):
            if not wanted[i, j]:
                continue
            z0 = depth[i, j]
            gx = _difference(depth, usable, i, j, 0, 1)
            gy = _difference(depth, usable, i, j, 1, 0)
            b0, b1, b2, b3, b4, b5, square, count = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0
            good[:] = False
            for a in range(max(i - radius, 0), min(i + radius + 1, height)):
                y = a - i
                for c in range(max(j - radius, 0), min(j + radius + 1, width)):
                    x_ = c - j
                    d = depth[a, c] - z0
                    plane = gx * x_ + gy * y
                    if usable[a, c] and abs(d - plane) <= GATE_M + GATE_SLOPE * abs(plane):
                        w = weight[y + radius] * weight[x_ + radius] * d
                        wx, wy = w * x_, w * y
                        b0, b1, b2 = b0 + w, b1 + wx, b2 + wy
                        b3, b4, b5 = b3 + wx * x_, b4 + wx * y, b5 + wy * y
                        square += w * d
                        count += 1
                        good[y + radius, x_ + radius] = True
            if count < FEWEST:
                continue
            b[0], b[1], b[2], b[3], b[4], b[5] = b0, b1, b2, b3, b4, b5
            if count == everything:
                for r in range(6):
                    first[r] = whole[r, 0]
                    x[r] = whole[r, 0] * b0 + whole[r, 1] * b1 + whole[r, 2] * b2
                    x[r] += whole[r, 3] * b3 + whole[r, 4] * b4 + whole[r, 5] * b5
                weights = total
            else:
                weights = _moments(good, weight, M)
                normal_matrix(M, ridge, A)
                if not solve_patch(A, b, x, first):
                    continue
            left = square - (x[0] * b0 + x[1] * b1 + x[2] * b2 + x[3] * b3 + x[4] * b4 + x[5] * b5)
            out[0, i, j] = z0 + x[0]
            out[1, i, j] = x[1]
            out[2, i, j] = x[2]
            out[3, i, j] = first[0]
            out[4, i, j] = np.sqrt(max(left, 0.0) / weights)


@nb.njit(cache=True, error_model="numpy")
def _moments(good, weight, M):
    """The sums of `add_moments` over the good pixels of a window, without values; returns the sum of weights."""
    radius = len(weight) // 2
    M[:] = 0
    nothing = np.zeros(6)
    for r in range(len(weight)):
        for c in range(len(weight)):
            if good[r, c]:
                add_moments(M, nothing, float(c - radius), float(r - radius), 0.0, weight[r] * weight[c])
    return M[0]


@nb.njit(cache=True, error_model="numpy")
def add_moments(M, b, x, y, d, w):
    """Adds a value d at (x, y) with weight w to the sums of a quadratic: M in the order of `normal_matrix`."""
    wx, wy = w * x, w * y
    wxx, wxy, wyy = wx * x, wx * y, wy * y
    M[0] += w
    M[1] += wx
    M[2] += wy
    M[3] += wxx
    M[4] += wxy
    M[5] += wyy
    M[6] += wxx * x
    M[7] += wxx * y
    M[8] += wyy * x
    M[9] += wyy * y
    M[10] += wxx * x * x
    M[11] += wxx * x * y
    M[12] += wxx * y * y
    M[13] += wyy * x * y
    M[14] += wyy * y * y
    b[0] += w * d
    b[1] += wx * d
    b[2] += wy * d
    b[3] += wxx * d
    b[4] += wxy * d
    b[5] += wyy * d


@nb.njit(cache=True, error_model="numpy")
def normal_matrix(M, ridge, A):
    """Lower half of the normal matrix of 1 x y x² xy y², with a pull of the quadratic terms to zero."""
    A[0, 0] = M[0]
    A[1, 0], A[1, 1] = M[1], M[3] + SLIGHT
    A[2, 0], A[2, 1], A[2, 2] = M[2], M[4], M[5] + SLIGHT
    A[3, 0], A[3, 1], A[3, 2], A[3, 3] = M[3], M[6], M[7], M[10] + ridge
    A[4, 0], A[4, 1], A[4, 2], A[4, 3], A[4, 4] = M[4], M[7], M[8], M[11], M[12] + ridge
    A[5, 0], A[5, 1], A[5, 2], A[5, 3], A[5, 4], A[5, 5] = M[5], M[8], M[9], M[12], M[13], M[14] + ridge


@nb.njit(cache=True, error_model="numpy")
def solve_patch(A, b, x, first):
    """Solves A x = b and A first = e0 by Cholesky, A is overwritten; False where A is singular."""
    for c in range(6):
        for k in range(c):
            A[c, c] -= A[c, k] * A[c, k]
        if A[c, c] <= 1e-9:
            return False
        A[c, c] = np.sqrt(A[c, c])
        for r in range(c + 1, 6):
            for k in range(c):
                A[r, c] -= A[r, k] * A[c, k]
            A[r, c] /= A[c, c]
    for r in range(6):
        x[r], first[r] = b[r], 1.0 if r == 0 else 0.0
        for k in range(r):
            x[r] -= A[r, k] * x[k]
            first[r] -= A[r, k] * first[k]
        x[r] /= A[r, r]
        first[r] /= A[r, r]
    for r in range(5, -1, -1):
        for k in range(r + 1, 6):
            x[r] -= A[k, r] * x[k]
            first[r] -= A[k, r] * first[k]
        x[r] /= A[r, r]
        first[r] /= A[r, r]
    return True
