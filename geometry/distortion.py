"""Brown–Conrady rational lens distortion on the plane z = 1 (OpenCV; Azure Kinect SDK `intrinsic_transformation.c`)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float


def distort(xy: Float[np.ndarray, "*points 2"], k: Float[np.ndarray, "8"]) -> Float[np.ndarray, "*points 2"]:
    """Distorted coordinates; k = k1 k2 p1 p2 k3 k4 k5 k6 (radial rational, tangential p1 p2)."""
    if not np.any(k):
        return np.asarray(xy, np.float64)
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    radial = (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
    return np.stack(
        [
            x * radial + 2 * k[2] * x * y + k[3] * (r2 + 2 * x * x),
            y * radial + k[2] * (r2 + 2 * y * y) + 2 * k[3] * x * y,
        ],
        -1,
    )


def distortion_jacobian(
    xy: Float[np.ndarray, "*points 2"], k: Float[np.ndarray, "8"]
) -> Float[np.ndarray, "*points 2 2"]:
    """d(distorted)/d(xy)."""
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    a, b = 1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4])), 1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7]))
    da, db = k[0] + r2 * (2 * k[1] + 3 * r2 * k[4]), k[5] + r2 * (2 * k[6] + 3 * r2 * k[7])
    g, dg = a / b, (da * b - a * db) / (b * b)
    J = np.empty((*np.shape(x), 2, 2))
    J[..., 0, 0] = g + 2 * x * x * dg + 2 * k[2] * y + 6 * k[3] * x
    J[..., 0, 1] = 2 * x * y * dg + 2 * k[2] * x + 2 * k[3] * y
    J[..., 1, 0] = J[..., 0, 1]
    J[..., 1, 1] = g + 2 * y * y * dg + 6 * k[2] * y + 2 * k[3] * x
    return J


def undistort(
    xy_distorted: Float[np.ndarray, "*points 2"],
    k: Float[np.ndarray, "8"],
    metric_radius: float = float("inf"),
    iterations: int = 20,
    tolerance: float = 1e-9,
) -> Float[np.ndarray, "*points 2"]:
    """The inverse of `distort` by Newton's method; NaN where it does not converge or leaves `metric_radius`."""
    target = np.asarray(xy_distorted, np.float64)
    if not np.any(k):
        return target
    xy = np.full((target.size // 2, 2), np.nan)
    k = np.ascontiguousarray(k, np.float64)
    _newton(np.ascontiguousarray(target).reshape(-1, 2), k, float(metric_radius), iterations, tolerance, xy)
    return xy.reshape(target.shape)


@nb.njit(cache=True)
def distort_point(x, y, k):
    """`distort` of one point, for use inside kernels."""
    r2 = x * x + y * y
    radial = (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
    return (
        x * radial + 2 * k[2] * x * y + k[3] * (r2 + 2 * x * x),
        y * radial + k[2] * (r2 + 2 * y * y) + 2 * k[3] * x * y,
    )


@nb.njit(cache=True)
def _newton(target, k, metric_radius, iterations, tolerance, out):
    """Newton's method on each point, with the derivatives of `distortion_jacobian`."""
    for n in range(len(target)):
        x, y = target[n, 0], target[n, 1]
        for _ in range(iterations):
            xd, yd = distort_point(x, y, k)
            ex, ey = xd - target[n, 0], yd - target[n, 1]
            if not abs(ex) + abs(ey) > 1e-3 * tolerance:
                break
            r2 = x * x + y * y
            a, b = 1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4])), 1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7]))
            da, db = k[0] + r2 * (2 * k[1] + 3 * r2 * k[4]), k[5] + r2 * (2 * k[6] + 3 * r2 * k[7])
            g, dg = a / b, (da * b - a * db) / (b * b)
            jxx = g + 2 * x * x * dg + 2 * k[2] * y + 6 * k[3] * x
            jxy = 2 * x * y * dg + 2 * k[2] * x + 2 * k[3] * y
            jyy = g + 2 * y * y * dg + 6 * k[2] * y + 2 * k[3] * x
            determinant = jxx * jyy - jxy * jxy
            if determinant == 0:
                break
            x, y = x - (jyy * ex - jxy * ey) / determinant, y - (jxx * ey - jxy * ex) / determinant
        xd, yd = distort_point(x, y, k)
        if np.hypot(xd - target[n, 0], yd - target[n, 1]) < tolerance and np.hypot(x, y) <= metric_radius:
            out[n, 0], out[n, 1] = x, y
