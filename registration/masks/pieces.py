"""The connected pieces of surface of one instant, and how large each is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int16
from scipy import ndimage

from registration.masks.config import MaskConfig
from registration.masks.voxels import Occupied, VoxelGrid

SMALLEST = 3
"""Voxels below which a piece is noise."""
PERSON_AREA_M2 = 0.2
"""Surface from which a piece may be a person: a toddler has 0.6 m², of which one camera sees under a half."""
PERSON_EXTENT_M = 0.5
"""Largest extent from which a piece may be a person: somebody who crouches."""
ON_FLOOR_M = 0.3
"""A piece that begins below this stands on the floor."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Connected voxels."""

    index: Int16[np.ndarray, "voxels 3"]
    grid: VoxelGrid

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def points(self) -> Float[np.ndarray, "voxels 3"]:
        """Centres of the voxels, world metres."""
        return self.grid.middle(self.index)

    @cached_property
    def center(self) -> Float[np.ndarray, "3"]:
        """Mean of the voxels, world metres."""
        return self.points.mean(0)

    @property
    def area_m2(self) -> float:
        """Area of the surface that is seen, as one voxel a face."""
        return len(self.index) * self.grid.voxel_m**2

    @property
    def person_sized(self) -> bool:
        """Whether it is large enough to be a person."""
        extent = (np.ptp(self.index, 0).max() + 1) * self.grid.voxel_m
        return bool(self.area_m2 >= PERSON_AREA_M2 and extent >= PERSON_EXTENT_M)

    @property
    def on_floor(self) -> bool:
        """Whether its lowest part is near the floor."""
        return bool(self.points[:, 2].min() < ON_FLOOR_M)


def pieces_of(occupied: Occupied, grid: VoxelGrid, config: MaskConfig) -> list[Piece]:
    """The connected pieces, the largest first. Voxels with few pixels connect nothing and are left out."""
    index = occupied.index[occupied.pixels >= config.min_points]
    if not len(index):
        return []
    low = index.min(0)
    box = np.zeros(index.max(0) - low + 1, bool)
    box[tuple((index - low).T)] = True
    labels = np.empty(box.shape, np.int32)
    count = int(ndimage.label(box, np.ones((3, 3, 3)), output=labels))  # type: ignore[arg-type]
    of = labels[tuple((index - low).T)]
    order = np.argsort(of, kind="stable")
    parts = np.split(index[order], np.searchsorted(of[order], np.arange(2, count + 1)))
    pieces = [Piece(part, grid) for part in parts if len(part) >= SMALLEST]
    return sorted(pieces, key=len, reverse=True)
