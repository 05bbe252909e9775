"""Free space: what depth cameras look through is not the person, whatever the body or a closed gap suggests (numba)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numba as nb
import numpy as np
from jaxtyping import Float, UInt8

from geometry.depth import require_size
from geometry.distortion import distort_point
from registration.clouds.views import DepthView
from texture.surfaces.indicator import Indicator

THROUGH_M = 0.03
"""A camera that sees something this much further away looks through: five deviations of depth at a body's edge."""
THROUGH_VIEWS = 2
"""So many cameras must, since one may be off or have missed a finger."""


def looked_through(points: Float[np.ndarray, "points 3"], views: Sequence[DepthView]) -> UInt8[np.ndarray, "points"]:
    """How many views, up to `THROUGH_VIEWS`, measured something well behind each point, at its pixel and around it.

    Raises GeometryError when a depth image has another size than its camera.
    """
    votes = np.zeros(len(points), np.uint8)
    p = np.ascontiguousarray(points, np.float64)
    for view in views:
        require_size(view.depth_m, view.camera)
        camera = view.camera
        lens = np.ascontiguousarray(camera.distortion, np.float64), float(camera.metric_radius)
        K, T = np.ascontiguousarray(camera.K, np.float64), np.ascontiguousarray(camera.T_camera_world)
        count_through(p, T, K, *lens, np.ascontiguousarray(view.depth_m, np.float32), votes)
    return votes


def carved(indicator: Indicator, views: Sequence[DepthView]) -> Indicator:
    """The indicator with its inside put outside where cameras look through.

    A gap that Poisson reconstruction closes, such as the hem of a skirt, bulges by centimetres.
    """
    inside = np.argwhere(indicator.distance < 0)
    votes = looked_through(inside * indicator.cell_m + indicator.origin, views)
    distance = indicator.distance.copy()
    distance[tuple(inside[votes >= THROUGH_VIEWS].T)] = 0.5 * indicator.cell_m
    return replace(indicator, distance=distance)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def count_through(points, T, K, k, metric_radius, depth, votes):
    """Adds a vote for each point behind whose pixel, and the four beside it, the camera measured something."""
    height, width = depth.shape
    for n in range(len(points)):
        if votes[n] >= THROUGH_VIEWS:
            continue
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        far = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
        a = (T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]) / far
        b = (T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]) / far
        if not (far > 0 and np.sqrt(a * a + b * b) <= metric_radius):
            continue
        a, b = distort_point(a, b, k)
        column = int(np.floor(K[0, 0] * a + K[0, 1] * b + K[0, 2] + 0.5))
        row = int(np.floor(K[1, 0] * a + K[1, 1] * b + K[1, 2] + 0.5))
        if not (0 < column < width - 1 and 0 < row < height - 1):
            continue
        limit = far + THROUGH_M
        if (
            depth[row, column] > limit
            and depth[row - 1, column] > limit
            and depth[row + 1, column] > limit
            and depth[row, column - 1] > limit
            and depth[row, column + 1] > limit
        ):
            votes[n] += 1
