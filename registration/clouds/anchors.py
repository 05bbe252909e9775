"""Which points hang together with confirmed ones: a surface in a fold does, a pixel in the air does not (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Bool, Int64

from registration.clouds.agreement import Stack

REACH_PX, STRIDE_PX = 8, 2
NEAR_M = 0.03
"""A confirmed point of the same camera's image must be this close; folds between limbs are seldom wider."""


def anchored(
    stack: Stack, confirmed: Bool[np.ndarray, "points"], which: Int64[np.ndarray, "some"]
) -> Bool[np.ndarray, "some"]:
    """Whether the camera's own image has a confirmed point within NEAR_M of each of some points."""
    pixels = np.flatnonzero(stack.index >= 0)
    place = np.empty(len(stack.points), np.int64)
    place[stack.index[pixels]] = pixels
    out = np.zeros(len(which), np.bool_)
    _anchor(stack.points, stack.view, stack.index, stack.boxes, place, confirmed, which, out)
    return out


@nb.njit(cache=True, error_model="numpy")
def _anchor(points, view, index, boxes, place, confirmed, which, out):
    for m in range(len(which)):
        i = which[m]
        box = boxes[view[i]]
        row, column = divmod(place[i] - box[0], box[4])
        for r in range(max(row - REACH_PX, 0), min(row + REACH_PX + 1, box[3]), STRIDE_PX):
            for c in range(max(column - REACH_PX, 0), min(column + REACH_PX + 1, box[4]), STRIDE_PX):
                k = index[box[0] + r * box[4] + c]
                if k >= 0 and confirmed[k]:
                    dx, dy, dz = points[k, 0] - points[i, 0], points[k, 1] - points[i, 1], points[k, 2] - points[i, 2]
                    if dx * dx + dy * dy + dz * dz < NEAR_M * NEAR_M:
                        out[m] = True
