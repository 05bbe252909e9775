"""Whose each depth pixel is, when it is known whose each voxel is (numba)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Int8, Int16, Int64
from scipy import ndimage

from registration.masks.config import MaskConfig
from registration.masks.voxels import LOW, REASONS, DepthRig, VoxelGrid, place

NOBODY, OTHER = -1, -2
"""Of a voxel: nothing is known to be there; something that was not asked for."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DepthMask:
    """Whose the pixels of one depth image are."""

    person: Int8[np.ndarray, "_ _"]
    """-1 for nobody."""
    removed: Int64[np.ndarray, "reasons"]
    """Pixels of nobody, by `REASONS`."""


def masks_from_voxels(
    depth_m: Mapping[str, Float[np.ndarray, "_ _"]],
    rig: DepthRig,
    people: Sequence[Int16[np.ndarray, "_ 3"]],
    others: Sequence[Int16[np.ndarray, "_ 3"]] = (),
) -> dict[str, DepthMask]:
    """The mask of each depth image of one instant.

    people: voxels of person00, person01, …; others: voxels of things and of people who were not asked for. Pixels one
    voxel around a person are the person's too: thin parts fill few voxels. Raises as `DepthRig.view` does.
    """
    volume = _volume(rig.grid, people, others)
    feet = _around_feet(rig.grid, people, rig.config)
    masks = {}
    for stream, depth in depth_m.items():
        person, removed = np.empty(depth.shape, np.int8), np.zeros(len(REASONS), np.int64)
        code = np.empty(depth.shape, np.int32)
        place(rig.view(stream, depth), rig.config.floor_m, rig.grid.shape, 1, code)
        _label(code, volume.ravel(), feet.ravel(), person, removed)
        masks[stream] = DepthMask(person=person, removed=removed)
    return masks


def _volume(
    grid: VoxelGrid, people: Sequence[Int16[np.ndarray, "_ 3"]], others: Sequence[Int16[np.ndarray, "_ 3"]]
) -> Int8[np.ndarray, "x y z"]:
    """Whose each voxel is, people widened by one voxel into what is nobody's."""
    volume = np.full(grid.shape, NOBODY, np.int8)
    for index in others:
        volume[tuple(index.T)] = OTHER
    for person, index in enumerate(people):
        volume[tuple(index.T)] = person
    if sum(len(index) for index in people) == 0:
        return volume
    every = np.concatenate(list(people))
    low, high = np.maximum(every.min(0) - 1, 0), every.max(0) + 2
    box = volume[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    widened = ndimage.maximum_filter(np.where(box == OTHER, NOBODY, box), 3, mode="constant", cval=NOBODY)
    box[box == NOBODY] = widened[box == NOBODY]
    return volume


def _around_feet(
    grid: VoxelGrid, people: Sequence[Int16[np.ndarray, "_ 3"]], config: MaskConfig
) -> Int8[np.ndarray, "x y"]:
    """Whose feet are nearest to each place on the floor, -1 where none is in reach."""
    layers = 1 + int(np.ceil(config.foot_height_m / config.voxel_m))
    nearest = np.full(grid.shape[:2], config.feet_reach_m / config.voxel_m + 0.5)
    feet = np.full(grid.shape[:2], NOBODY, np.int8)
    for person, index in enumerate(people):
        low = index[index[:, 2] < layers]
        if not len(low):
            continue
        free = np.ones(grid.shape[:2], bool)
        free[low[:, 0], low[:, 1]] = False
        away = np.asarray(ndimage.distance_transform_edt(free))
        nearer = away <= nearest
        nearest[nearer], feet[nearer] = away[nearer], person
    return feet


@nb.njit(cache=True, nogil=True)
def _label(code, volume, feet, person, removed):
    """Fills the person of each pixel from what `place` says of it, and counts the others by their reason."""
    for i in range(code.shape[0]):
        for j in range(code.shape[1]):
            at = code[i, j]
            whose, reason = -1, -1 - at
            if at >= 0:
                whose = volume[at]
                reason = 4 if whose == -1 else 5
            elif at <= LOW:
                whose, reason = feet[LOW - at], 2
            person[i, j] = max(whose, -1)
            if whose < 0:
                removed[reason] += 1
