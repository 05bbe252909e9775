"""Compiled loops over the points of clouds: farthest points, and nearest ones. Their twins in torch stand beside their
callers in `neighbourhoods`."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def farthest(points, count, reach):
    """Farthest points: points (B, N, 3) -> indices (B, count); the first point is the first."""
    batch, number, _ = points.shape
    chosen = np.zeros((batch, count), np.int64)
    x, y, z = np.empty((3, number), points.dtype)
    away = np.empty(number, points.dtype)
    limit = points.dtype.type(reach * reach)
    for row in range(batch):
        for n in range(number):
            x[n], y[n], z[n] = points[row, n, 0], points[row, n, 1], points[row, n, 2]
            away[n] = -1.0 if x[n] * x[n] + y[n] * y[n] + z[n] * z[n] > limit else np.inf
        last = 0
        for k in range(1, count):
            a, b, c = x[last], y[last], z[last]
            for n in range(number):
                gap = (x[n] - a) ** 2 + (y[n] - b) ** 2 + (z[n] - c) ** 2
                away[n] = min(away[n], gap)
            last = 0
            for n in range(1, number):
                if away[n] > away[last]:
                    last = n
            chosen[row, k] = last
    return chosen


@numba.njit(cache=True, nogil=True)
def nearest(places, points, count):
    """Nearest points: places (B, P, 3), points (B, N, 3) -> indices (B, P, count), squared distances; nearest first."""
    batch, number, _ = points.shape
    index = np.empty((batch, places.shape[1], count), np.int64)
    squared = np.empty(index.shape, points.dtype)
    x, y, z = np.empty((3, number), points.dtype)
    gap = np.empty(number, points.dtype)
    for row in range(batch):
        for n in range(number):
            x[n], y[n], z[n] = points[row, n, 0], points[row, n, 1], points[row, n, 2]
        for p in range(places.shape[1]):
            a, b, c = places[row, p, 0], places[row, p, 1], places[row, p, 2]
            for n in range(number):
                gap[n] = (x[n] - a) ** 2 + (y[n] - b) ** 2 + (z[n] - c) ** 2
            best, which = squared[row, p], index[row, p]
            best[:] = np.inf
            which[:] = 0
            for n in range(number):
                if gap[n] < best[count - 1]:
                    k = count - 1
                    while k > 0 and best[k - 1] > gap[n]:
                        best[k], which[k] = best[k - 1], which[k - 1]
                        k -= 1
                    best[k], which[k] = gap[n], n
    return index, squared
