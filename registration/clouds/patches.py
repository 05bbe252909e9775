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
BEND_M = 0.4e-3
"""How much depth bends over one pixel: that of a cylinder of 24 mm seen from 2.2 m. It holds patches at rims, whose
pixels lie on one side, to what a body is like."""


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
    _fit(
        depth,
        np.ascontiguousarray(wanted),
        np.ascontiguousarray(usable),
        weight,
        whole_inverse(radius, sigma_px),
        ridge,
        out,
    )
    return Patches(z_m=out[0], slope=np.moveaxis(out[1:3], 0, -1), leverage=out[3], residual_m=out[4])


@lru_cache(maxsize=16)
def whole_inverse(radius: int, sigma_px: float) -> Float64[np.ndarray, "6 6"]:
    """Inverse of the normal matrix of a patch without gaps; coefficients 1 x y x² xy y²."""
    y, x = (g.ravel().astype(float) for g in np.mgrid[-radius : radius + 1, -radius : radius + 1])
    design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
    weight = np.exp(-0.5 * (x * x + y * y) / max(sigma_px, 1e-6) ** 2)
    ridge = np.diag([0, 0, 0, 1, 1, 1]) * (NOISE_M / BEND_M) ** 2
    return np.linalg.inv(design.T @ (weight[:, None] * design) + ridge)


@nb.njit(cache=True)
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


@nb.njit(cache=True)
def _fit(depth, wanted, usable, weight, inverse, ridge, out):
    height, width = depth.shape
    radius = len(weight) // 2
    whole = (2 * radius + 1) ** 2
    moments, b, x = np.zeros((5, 5)), np.zeros(6), np.zeros(6)
    A, first = np.zeros((6, 6)), np.zeros(6)
    good = np.zeros((2 * radius + 1, 2 * radius + 1), np.bool_)
    for i in range(height):
        for j in range(width):
            if not wanted[i, j]:
                continue
            z0 = depth[i, j]
            gx = _difference(depth, usable, i, j, 0, 1)
            gy = _difference(depth, usable, i, j, 1, 0)
            b[:] = 0
            square, count = 0.0, 0
            good[:] = False
            for di in range(-radius, radius + 1):
                a = i + di
                if a < 0 or a >= height:
                    continue
                s0, s1, s2, ss = 0.0, 0.0, 0.0, 0.0
                for dj in range(max(-radius, -j), min(radius + 1, width - j)):
                    d = depth[a, j + dj] - z0
                    plane = gx * dj + gy * di
                    if usable[a, j + dj] and abs(d - plane) <= GATE_M + GATE_SLOPE * abs(plane):
                        w = weight[dj + radius] * d
                        s0 += w
                        s1 += w * dj
                        s2 += w * dj * dj
                        ss += w * d
                        count += 1
                        good[di + radius, dj + radius] = True
                wy = weight[di + radius]
                b[0] += wy * s0
                b[1] += wy * s1
                b[2] += wy * di * s0
                b[3] += wy * s2
                b[4] += wy * di * s1
                b[5] += wy * di * di * s0
                square += wy * ss
            if count < FEWEST:
                continue
            if count == whole:
                for r in range(6):
                    x[r] = 0.0
                    for c in range(6):
                        x[r] += inverse[r, c] * b[c]
                leverage = inverse[0, 0]
                total = weight.sum() ** 2
            else:
                _moments(good, weight, radius, moments)
                _normal_matrix(moments, ridge, A)
                if not solve_patch(A, b, x, first):
                    continue
                leverage = first[0]
                total = moments[0, 0]
            left = square
            for r in range(6):
                left -= x[r] * b[r]
            out[0, i, j] = z0 + x[0]
            out[1, i, j] = x[1]
            out[2, i, j] = x[2]
            out[3, i, j] = leverage
            out[4, i, j] = np.sqrt(max(left, 0.0) / total)


@nb.njit(cache=True)
def _moments(good, weight, radius, moments):
    """moments[a, b]: the weighted sum of x^a y^b over the good pixels, for a + b up to 4."""
    moments[:] = 0
    for r in range(2 * radius + 1):
        m0, m1, m2, m3, m4 = 0.0, 0.0, 0.0, 0.0, 0.0
        for c in range(2 * radius + 1):
            if good[r, c]:
                x, w = float(c - radius), weight[c]
                m0 += w
                m1 += w * x
                m2 += w * x * x
                m3 += w * x * x * x
                m4 += w * x * x * x * x
        y = float(r - radius)
        w = weight[r]
        for power in range(5):
            moments[0, power] += w * m0
            moments[1, power] += w * m1
            moments[2, power] += w * m2
            moments[3, power] += w * m3
            moments[4, power] += w * m4
            w *= y


@nb.njit(cache=True)
def _normal_matrix(moments, ridge, A):
    px, py = (0, 1, 0, 2, 1, 0), (0, 0, 1, 0, 1, 2)
    for r in range(6):
        for c in range(6):
            A[r, c] = moments[px[r] + px[c], py[r] + py[c]]
    for r in range(3, 6):
        A[r, r] += ridge
    A[1, 1] += 1e-6
    A[2, 2] += 1e-6


@nb.njit(cache=True)
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
