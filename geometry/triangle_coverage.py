"""Which pixel centres a triangle covers, such that neighbours share an edge without a crack or an overlap (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(inline="always")
def edge(ax, ay, bx, by, x, y):
    """Twice the signed area of (a, b, point): positive where the point lies right of a -> b in an image (y down).

    The ends are put in order first, so that the two triangles at an edge compute opposite values to the last bit.
    """
    if ax < bx or (ax == bx and ay < by):
        return (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    return -((ax - bx) * (y - by) - (ay - by) * (x - bx))


@nb.njit(inline="always")
def owns_border(ax, ay, bx, by):
    """Whether a point exactly on the edge a -> b belongs to the triangle right of it: the top-left rule."""
    return by < ay or (by == ay and bx > ax)


@nb.njit(inline="always")
def first_pixel(a, b, c, count):
    """The first pixel that a triangle's extent along one axis can reach; `count` where it starts beyond the image."""
    return int(min(max(np.ceil(min(a, b, c)), 0.0), float(count)))


@nb.njit(inline="always")
def last_pixel(a, b, c, count):
    """The last pixel that the extent can reach; -1 where it ends before the image."""
    return int(max(min(np.floor(max(a, b, c)), count - 1.0), -1.0))
