"""How deep points lie under a moving skin: the nearest skin vertex of the allowed parts decides, in every frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Integer

REACH_M: Final = 0.12
"""No body part is thicker than twice this where another one can get."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Balls:
    """A ball around each cell of the skin, metres."""

    middle: Float[np.ndarray, "frames cells 3"]
    radius: Float[np.ndarray, "frames cells"]

    @classmethod
    def around(cls, skin: Float[np.ndarray, "frames points 3"], starts: Integer[np.ndarray, "bounds"]) -> Balls:
        """Balls about the cells' means; cell k has the points `starts[k]:starts[k + 1]`, at least one."""
        middle, radius = _balls(skin, starts)
        return cls(middle=middle, radius=radius)


def deepest_point(
    p: Float[np.ndarray, "frames probes 3"],
    skin: Float[np.ndarray, "frames points 3"],
    normals: Float[np.ndarray, "frames points 3"],
    starts: Integer[np.ndarray, "bounds"],
    allowed: Bool[np.ndarray, "cells"],
    rim: Bool[np.ndarray, "points"],
    balls: Balls,
) -> tuple[Float[np.ndarray, "frames"], Integer[np.ndarray, "frames"], Integer[np.ndarray, "frames"]]:
    """Depth of each frame's deepest probe, metres, 0 outside; which probe it is; the skin point nearest to it.

    The skin's points are sorted by cell, small patches of skin: cell k has `starts[k]:starts[k + 1]`. Cells that are
    not allowed are not there; points of the rim border on those, and beyond them nothing can be said. Depth is the
    distance to the plane of the nearest point, at most that to the point: exact to about the sagitta of one gap between
    points, 2 mm.
    """
    return _deepest(p, skin, normals, starts, allowed, rim, balls.middle, balls.radius)


@nb.njit(cache=True)
def _balls(skin, starts):
    frames, cells = skin.shape[0], len(starts) - 1
    middle, radius = np.zeros((frames, cells, 3)), np.zeros((frames, cells))
    for f in range(frames):
        for cell in range(cells):
            first, stop = starts[cell], starts[cell + 1]
            for k in range(first, stop):
                for axis in range(3):
                    middle[f, cell, axis] += skin[f, k, axis] / (stop - first)
            largest = 0.0
            for k in range(first, stop):
                square = 0.0
                for axis in range(3):
                    square += (skin[f, k, axis] - middle[f, cell, axis]) ** 2
                largest = max(largest, square)
            radius[f, cell] = np.sqrt(largest)
    return middle, radius


@nb.njit(cache=True)
def _deepest(p, skin, normals, starts, allowed, rim, middle, radius):
    frames, probes = p.shape[0], p.shape[1]
    depth = np.zeros(frames)
    which = np.zeros(frames, np.int64)
    at = np.zeros(frames, np.int64)
    for f in range(frames):
        at_last = -1
        for i in range(probes):
            x, y, z = p[f, i, 0], p[f, i, 1], p[f, i, 2]
            best, nearest = REACH_M**2, -1
            if i > 0 and at_last >= 0:  # neighbours are near the same skin
                dx, dy, dz = x - skin[f, at_last, 0], y - skin[f, at_last, 1], z - skin[f, at_last, 2]
                square = dx * dx + dy * dy + dz * dz
                if square < best:
                    best, nearest = square, at_last
            for cell in range(len(allowed)):
                if not allowed[cell]:
                    continue
                dx, dy, dz = x - middle[f, cell, 0], y - middle[f, cell, 1], z - middle[f, cell, 2]
                # a point outside the ball by more than the best so far has no nearer skin there
                limit = radius[f, cell] + np.sqrt(best)
                if dx * dx + dy * dy + dz * dz > limit * limit:
                    continue
                for k in range(starts[cell], starts[cell + 1]):
                    dx, dy, dz = x - skin[f, k, 0], y - skin[f, k, 1], z - skin[f, k, 2]
                    square = dx * dx + dy * dy + dz * dz
                    if square < best:
                        best, nearest = square, k
            at_last = nearest
            if nearest < 0 or rim[nearest]:
                continue
            height = (
                (x - skin[f, nearest, 0]) * normals[f, nearest, 0]
                + (y - skin[f, nearest, 1]) * normals[f, nearest, 1]
                + (z - skin[f, nearest, 2]) * normals[f, nearest, 2]
            )
            under = min(-height, np.sqrt(best))
            if under > depth[f]:
                depth[f], which[f], at[f] = under, i, nearest
    return depth, which, at
