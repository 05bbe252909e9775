"""Where the four squares around a corner meet, by fitting what a blurred corner looks like to the pixels around it.

The model is a + b·E(u/s)·E(v/t) + g·x: u and v are a pixel's distances from the two edges, E an edge that a lens and a
shutter have blurred (an error function), s and t the blur across each edge. It is symmetric about the corner, and so
are a camera's tone curve and the markers of a ChArUco board: these change the fit's residual, not its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, pi, sqrt

import numba as nb
import numpy as np
from jaxtyping import Bool, Float

ITERATIONS = 25
STEP_PX, NEAR_PX = 5e-4, 1e-2
"""A fit that moves less is finished; one that still moved more with its last step has not arrived."""
ANGLE_SIGMA, BLUR_PX, BLUR_SIGMA = 0.15, 0.9, 0.8
"""Loose expectations that keep small windows in order: directions of the edges, radians; blur, and its logarithm's
deviation. Pictures of virtual and real cameras have 0.6 … 1.5 px."""
SLOPE_SIGMA = 0.02
"""Of the brightness across the window, a pixel, as a part of the contrast."""
PIXEL_BLUR_PX = 0.3
"""Every pixel is the mean over its square; sharpened pictures would ask for less blur than that."""
EDGE_GAP_PX = 0.8
"""Pixels this near to a marker's edge are blurred with it."""
OFF_CENTRE_PX = 0.3
"""A corner that is found further than this from the window's middle is fitted once more, with the window about it."""
LEAST_BAND_PX, LONGEST_ARM_PX, SHORTEST_ARM_PX = 1.6, 16.0, 2.5
"""Limits of the window, which follows the edges: half its width, and its reach along them."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CornerFits:
    """Fits of several corners."""

    q: Float[np.ndarray, "corners 2"]
    sigma_px: Float[np.ndarray, "corners"]
    """Standard deviation along an axis, as the residual and the window tell; infinite where a fit failed."""
    contrast: Float[np.ndarray, "corners"]
    """Grey levels from black to white; negative where black and white are exchanged."""
    misfit: Float[np.ndarray, "corners"]
    """Root mean square residual as a part of the contrast."""
    blur_px: Float[np.ndarray, "corners"]
    """The larger of the two."""
    inside: Bool[np.ndarray, "corners"]
    """Whether the window lay in the picture and the fit arrived."""


def fit_corners(
    levels: Float[np.ndarray, "height width"],
    q: Float[np.ndarray, "corners 2"],
    steps: Float[np.ndarray, "corners 2 2"],
    black_first: Bool[np.ndarray, "corners"],
    *,
    band: float,
    arm: float,
) -> CornerFits:
    """Fits the model at starting places `q`.

    `steps` are the image of a board's step of 1 along x and along y at each corner, as columns, pixels. `black_first`
    says whether the square up left of the corner is black. The window holds pixels within `band` of an edge and `arm`
    of the corner, in the unit of those steps.
    """
    out = np.full((len(q), 7), np.nan)
    _fit_all(
        np.ascontiguousarray(levels, np.float32),
        np.ascontiguousarray(q, np.float64),
        np.ascontiguousarray(steps, np.float64),
        np.where(black_first, -1.0, 1.0),
        float(band),
        float(arm),
        out,
    )
    arrived = out[:, 6] == 1
    return CornerFits(
        q=out[:, :2],
        sigma_px=np.where(arrived, out[:, 2], np.inf),
        contrast=2 * out[:, 3],
        misfit=out[:, 4],
        blur_px=out[:, 5],
        inside=arrived,
    )


@nb.njit(cache=True)
def _fit_all(levels, q, steps, sign, band, arm, out):
    """out: x, y, sigma, amplitude, misfit, blur, 1 where the fit arrived."""
    for n in range(len(q)):
        if np.isfinite(q[n, 0] + q[n, 1]):
            _fit(levels, q[n], steps[n], sign[n], band, arm, out[n])
            if out[n, 6] == 1 and np.hypot(out[n, 0] - q[n, 0], out[n, 1] - q[n, 1]) > OFF_CENTRE_PX:
                middle = out[n, :2].copy()
                out[n] = np.nan
                _fit(levels, middle, steps[n], sign[n], band, arm, out[n])


@nb.njit(cache=True)
def _window(levels, c, J, band, arm, capacity):
    """Pixels (x, y, level) of the window around c, and how many; none where it leaves the picture."""
    height, width = levels.shape
    pixels = np.empty((capacity, 3))
    along_x, along_y = np.hypot(J[0, 0], J[1, 0]), np.hypot(J[0, 1], J[1, 1])
    det = J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0]
    if not abs(det) > 1e-12 * along_x * along_y or along_x * along_y == 0:
        return pixels, 0
    # pixels that a board's unit step measures across each edge
    across_x, across_y = abs(det) / along_y, abs(det) / along_x
    band_x = max(band * across_x - EDGE_GAP_PX, LEAST_BAND_PX)
    band_y = max(band * across_y - EDGE_GAP_PX, LEAST_BAND_PX)
    arm_x = min(max(arm * along_x, SHORTEST_ARM_PX), LONGEST_ARM_PX)
    arm_y = min(max(arm * along_y, SHORTEST_ARM_PX), LONGEST_ARM_PX)
    reach = int(np.ceil(arm_x + arm_y))
    x0, y0 = int(np.round(c[0])), int(np.round(c[1]))
    count = 0
    for y in range(max(y0 - reach, 0), min(y0 + reach + 1, height)):
        for x in range(max(x0 - reach, 0), min(x0 + reach + 1, width)):
            dx, dy = x - c[0], y - c[1]
            u = (J[1, 1] * dx - J[0, 1] * dy) / det  # board steps
            v = (-J[1, 0] * dx + J[0, 0] * dy) / det
            if abs(u) * along_x > arm_x or abs(v) * along_y > arm_y:
                continue
            if abs(u) * across_x > band_x and abs(v) * across_y > band_y:
                continue
            if count == capacity:
                return pixels, count
            pixels[count, 0], pixels[count, 1], pixels[count, 2] = x, y, levels[y, x]
            count += 1
    return pixels, count


@nb.njit(cache=True)
def _fit(levels, start, J, sign, band, arm, out):
    """Levenberg-Marquardt on (x, y, two edge angles, log of two blurs, a, b, slope x, slope y)."""
    n_parameters = 10
    height, width = levels.shape
    if not (1 <= start[0] < width - 2 and 1 <= start[1] < height - 2):
        return
    pixels, count = _window(levels, start, J, band, arm, 4096)
    if count < 16:
        return
    det = J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0]
    turn = 1.0 if det > 0 else -1.0
    # normals of the edges: across the edge along y (u = 0), and across the edge along x (v = 0)
    alpha0 = np.arctan2(-J[0, 1] * turn, J[1, 1] * turn)
    beta0 = np.arctan2(J[0, 0] * turn, -J[1, 0] * turn)
    mean = 0.0
    for i in range(count):
        mean += pixels[i, 2]
    mean /= count
    spread = 0.0
    for i in range(count):
        spread += (pixels[i, 2] - mean) ** 2
    spread = sqrt(spread / count)
    if spread < 1e-6:
        return
    p = np.array([start[0], start[1], alpha0, beta0, np.log(BLUR_PX), np.log(BLUR_PX), mean, sign * spread, 0.0, 0.0])
    p0 = p.copy()
    prior = np.zeros(n_parameters)
    H, g = np.zeros((n_parameters, n_parameters)), np.zeros(n_parameters)
    prior[2] = prior[3] = 1 / ANGLE_SIGMA**2
    prior[4] = prior[5] = 1 / BLUR_SIGMA**2
    damping, noise = 1e-3, (0.1 * spread) ** 2
    cost = _system(pixels, count, p, p0, prior, noise, spread, H, g)
    arrived = False
    for _ in range(ITERATIONS):
        A = H.copy()
        for k in range(n_parameters):
            A[k, k] += damping * H[k, k] + 1e-12
        step = np.linalg.solve(A, g)
        trial = p - step
        for k in (4, 5):
            trial[k] = min(max(trial[k], -4.0), 2.5)
        H1, g1 = np.zeros((n_parameters, n_parameters)), np.zeros(n_parameters)
        new = _system(pixels, count, trial, p0, prior, noise, spread, H1, g1)
        move = abs(step[0]) + abs(step[1])
        if new <= cost:
            p, H, g, cost = trial, H1, g1, new
            damping = max(damping * 0.1, 1e-6)
        else:
            damping *= 10
        arrived = move < NEAR_PX
        if move < STEP_PX:
            break
        if abs(p[0] - start[0]) + abs(p[1] - start[1]) > LONGEST_ARM_PX:
            return
    rss = 0.0
    for i in range(count):
        rss += (_model(p, pixels[i, 0], pixels[i, 1]) - pixels[i, 2]) ** 2
    variance = rss / max(count - n_parameters, 1)
    # H was made with `noise` as the variance of a pixel
    A = H.copy()
    for k in range(n_parameters):
        A[k, k] += 1e-9 * A[k, k] + 1e-15
    C = np.linalg.inv(A)
    out[0], out[1] = p[0], p[1]
    out[2] = sqrt(max(0.5 * (C[0, 0] + C[1, 1]), 0.0) * variance / noise)
    out[3] = p[7] * sign
    out[4] = sqrt(rss / count) / (2 * abs(p[7]) + 1e-9)
    out[5] = _blur(max(p[4], p[5]))
    out[6] = 1.0 if arrived else 0.0


@nb.njit(cache=True)
def _blur(parameter):
    """Blur across an edge, pixels, of a parameter: the logarithm of what a lens and a shutter add to a pixel's own."""
    return np.sqrt(PIXEL_BLUR_PX**2 + np.exp(2 * parameter))


@nb.njit(cache=True)
def _model(p, x, y):
    dx, dy = x - p[0], y - p[1]
    u = np.cos(p[2]) * dx + np.sin(p[2]) * dy
    v = np.cos(p[3]) * dx + np.sin(p[3]) * dy
    edges = erf(u / (_blur(p[4]) * sqrt(2.0))) * erf(v / (_blur(p[5]) * sqrt(2.0)))
    return p[6] + p[7] * edges + p[8] * dx + p[9] * dy


@nb.njit(cache=True)
def _system(pixels, count, p, p0, prior, noise, spread, H, g):
    """Normal equations in H and g, whitened by `noise`; returns the cost."""
    ca, sa, cb, sb = np.cos(p[2]), np.sin(p[2]), np.cos(p[3]), np.sin(p[3])
    ks, kt = 1 / _blur(p[4]), 1 / _blur(p[5])
    ls, lt = (np.exp(p[4]) * ks) ** 2, (np.exp(p[5]) * kt) ** 2  # d(log blur) by the parameter
    peak = sqrt(2 / pi)
    row = np.empty(10)
    cost = 0.0
    for i in range(count):
        dx, dy = pixels[i, 0] - p[0], pixels[i, 1] - p[1]
        u, v = (ca * dx + sa * dy) * ks, (cb * dx + sb * dy) * kt
        eu, ev = erf(u / sqrt(2.0)), erf(v / sqrt(2.0))
        du, dv = peak * exp(-0.5 * u * u), peak * exp(-0.5 * v * v)
        fu, fv = p[7] * du * ev, p[7] * eu * dv
        r = p[6] + p[7] * eu * ev + p[8] * dx + p[9] * dy - pixels[i, 2]
        row[0] = -fu * ca * ks - fv * cb * kt - p[8]
        row[1] = -fu * sa * ks - fv * sb * kt - p[9]
        row[2] = fu * (-sa * dx + ca * dy) * ks
        row[3] = fv * (-sb * dx + cb * dy) * kt
        row[4], row[5] = -fu * u * ls, -fv * v * lt
        row[6], row[7], row[8], row[9] = 1.0, eu * ev, dx, dy
        cost += r * r
        for j in range(10):
            g[j] += row[j] * r
            for k in range(j + 1):
                H[j, k] += row[j] * row[k]
    for j in range(10):
        g[j] /= noise
        for k in range(j + 1):
            H[j, k] /= noise
            H[k, j] = H[j, k]
    cost /= noise
    for k in range(2, 6):
        away = p[k] - p0[k]
        H[k, k] += prior[k]
        g[k] += prior[k] * away
        cost += prior[k] * away * away
    slope = 1 / (SLOPE_SIGMA * 2 * spread) ** 2
    for k in range(8, 10):
        H[k, k] += slope
        g[k] += slope * p[k]
        cost += slope * p[k] * p[k]
    return cost
