"""The fine signed distance near the points, on blocks of voxels that exist only where the surface may be (numba).

Near points it is the weighted mean of the distances from their planes (implicit moving least squares); where there are
none, the coarse indicator takes over without a seam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float32, Int32

from registration.clouds.views import DepthView
from texture.surfaces.carving import THROUGH_VIEWS, looked_through
from texture.surfaces.indicator import Indicator

BLOCK = 8
"""Voxels along a side of a block."""
REACH_VOXELS = 2.5
"""A point counts this far; less than the thinnest limb, so that its two sides do not fight (20 mm truncation lost
nothing against 15 mm in prototypes, 40 mm lost half of the accuracy)."""
WIDTH_VOXELS = 0.8
"""Standard deviation of a point's weight over its distance."""
COARSE_WEIGHT = 0.02
"""Of the indicator against one point: nothing where points are, all where none is."""
UNSUPPORTED = 0.3
"""A voxel with less weight than a measured point within one and a half voxels has, may be carved."""
COARSE_CLIP_VOXELS = 3.0
"""The indicator counts as no farther from the surface than this."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SparseField:
    """Signed distances at the corners of voxels, in blocks; outside the blocks only the sign is known."""

    origin: Float[np.ndarray, "3"]
    voxel_m: float
    slots: Int32[np.ndarray, "bx by bz"]
    """Which block is stored where; -1 where all is inside, -2 where all is outside."""
    places: Int32[np.ndarray, "blocks 3"]
    distance: Float32[np.ndarray, "blocks 8 8 8"]
    """Metres, positive outside."""


def fine_field(
    points: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    weights: Float[np.ndarray, "points"],
    indicator: Indicator,
    voxel_m: float,
    views: Sequence[DepthView] = (),
) -> SparseField:
    """The field of oriented points, each with its weight (1 for a usual one).

    The indicator's cell must be a whole number of voxels that divides a block.
    """
    ratio = round(indicator.cell_m / voxel_m)
    coarse = BLOCK // ratio
    shape = tuple((n - 1) // coarse for n in indicator.distance.shape)
    slots = np.zeros(shape, np.int32)
    mark_crossings(indicator.distance, coarse, slots)
    q = np.ascontiguousarray((points - indicator.origin) / voxel_m)
    unit = np.ascontiguousarray(normals, np.float64)
    mark_points(q, REACH_VOXELS, slots)
    shell = scipy.ndimage.maximum_filter(slots, size=2, origin=-1, mode="nearest") == 1
    places = np.argwhere(shell).astype(np.int32)
    slots[shell] = np.arange(len(places))
    size = (len(places), BLOCK, BLOCK, BLOCK)
    total, weight = np.zeros(size, np.float32), np.zeros(size, np.float32)
    w = np.ascontiguousarray(weights, np.float64)
    add_points(q, unit, w, REACH_VOXELS, WIDTH_VOXELS, np.zeros((3, 8)), slots, total, weight)
    finish(indicator.distance, ratio, voxel_m, places, COARSE_WEIGHT, COARSE_CLIP_VOXELS * voxel_m, total, weight)
    if views:
        _carve(indicator.origin, voxel_m, places, views, total, weight)
    return SparseField(origin=indicator.origin, voxel_m=voxel_m, slots=slots, places=places, distance=total)


def _carve(
    origin: np.ndarray,
    voxel_m: float,
    places: np.ndarray,
    views: Sequence[DepthView],
    total: np.ndarray,
    weight: np.ndarray,
) -> None:
    """Puts outside what no point supports near the surface, and cameras look through."""
    doubted = np.flatnonzero((weight < UNSUPPORTED) & (total < 0) & (total > -COARSE_CLIP_VOXELS * voxel_m))
    block, rest = np.divmod(doubted, BLOCK**3)
    offset = np.stack(np.unravel_index(rest, (BLOCK,) * 3), -1)
    votes = looked_through((places[block] * BLOCK + offset) * voxel_m + origin, views)
    total.reshape(-1)[doubted[votes >= THROUGH_VIEWS]] = 0.5 * voxel_m


@nb.njit(cache=True, nogil=True)
def mark_crossings(coarse, ratio, slots):
    """1 for blocks in which the coarse field changes its sign; else -1 inside, -2 outside."""
    for bx in range(slots.shape[0]):
        for by in range(slots.shape[1]):
            for bz in range(slots.shape[2]):
                inside = 0
                for i in range(ratio + 1):
                    for j in range(ratio + 1):
                        for k in range(ratio + 1):
                            inside += coarse[bx * ratio + i, by * ratio + j, bz * ratio + k] < 0
                if inside == 0:
                    slots[bx, by, bz] = -2
                elif inside == (ratio + 1) ** 3:
                    slots[bx, by, bz] = -1
                else:
                    slots[bx, by, bz] = 1


@nb.njit(cache=True, nogil=True)
def mark_points(q, reach, slots):
    """1 for blocks that a point reaches."""
    for n in range(len(q)):
        for bx in range(int((q[n, 0] - reach) // 8), int((q[n, 0] + reach) // 8) + 1):
            for by in range(int((q[n, 1] - reach) // 8), int((q[n, 1] + reach) // 8) + 1):
                for bz in range(int((q[n, 2] - reach) // 8), int((q[n, 2] + reach) // 8) + 1):
                    slots[bx, by, bz] = 1


@nb.njit(cache=True, nogil=True, error_model="numpy")
def add_points(q, normals, weights, reach, width, w3, slots, total, weight):
    """Adds the weight of each point, and its weighted distance from its plane, to the voxel corners around it.

    w3 is room for the weights along each axis.
    """
    scale = -0.5 / (width * width)
    for n in range(len(q)):
        x, y, z = q[n, 0], q[n, 1], q[n, 2]
        i0, j0, k0 = int(np.ceil(x - reach)), int(np.ceil(y - reach)), int(np.ceil(z - reach))
        ni, nj = int(np.floor(x + reach)) - i0 + 1, int(np.floor(y + reach)) - j0 + 1
        nk = int(np.floor(z + reach)) - k0 + 1
        for a in range(ni):
            w3[0, a] = np.exp(scale * (i0 + a - x) ** 2) * weights[n]
        for a in range(nj):
            w3[1, a] = np.exp(scale * (j0 + a - y) ** 2)
        for a in range(nk):
            w3[2, a] = np.exp(scale * (k0 + a - z) ** 2)
        for a in range(ni):
            i, dx = i0 + a, i0 + a - x
            for b in range(nj):
                j, dy = j0 + b, j0 + b - y
                left = reach * reach - dx * dx - dy * dy
                if left < 0:
                    continue
                w, plane = w3[0, a] * w3[1, b], normals[n, 0] * dx + normals[n, 1] * dy
                block, slot = -1, 0
                for c in range(nk):
                    k, dz = k0 + c, k0 + c - z
                    if dz * dz > left:
                        continue
                    if k >> 3 != block:
                        block = k >> 3
                        slot = slots[i >> 3, j >> 3, block]
                    weight[slot, i & 7, j & 7, k & 7] += w * w3[2, c]
                    total[slot, i & 7, j & 7, k & 7] += w * w3[2, c] * (plane + normals[n, 2] * dz)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def finish(coarse, ratio, voxel_m, places, coarse_weight, clip, total, weight):
    """Turns the sums into distances in metres, with the coarse field where they weigh little."""
    for s in range(len(places)):
        for a in range(8):
            x = (places[s, 0] * 8 + a) / ratio
            i = min(int(x), coarse.shape[0] - 2)
            x -= i
            for b in range(8):
                y = (places[s, 1] * 8 + b) / ratio
                j = min(int(y), coarse.shape[1] - 2)
                y -= j
                for c in range(8):
                    z = (places[s, 2] * 8 + c) / ratio
                    k = min(int(z), coarse.shape[2] - 2)
                    z -= k
                    near = (1 - x) * ((1 - y) * coarse[i, j, k] + y * coarse[i, j + 1, k])
                    near += x * ((1 - y) * coarse[i + 1, j, k] + y * coarse[i + 1, j + 1, k])
                    far = (1 - x) * ((1 - y) * coarse[i, j, k + 1] + y * coarse[i, j + 1, k + 1])
                    far += x * ((1 - y) * coarse[i + 1, j, k + 1] + y * coarse[i + 1, j + 1, k + 1])
                    rough = min(max((1 - z) * near + z * far, -clip), clip)
                    fine = total[s, a, b, c] * voxel_m + coarse_weight * rough
                    total[s, a, b, c] = fine / (weight[s, a, b, c] + coarse_weight)
