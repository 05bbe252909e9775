"""What one depth camera saw at one instant, and the part of its image in which the person is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from geometry.camera import Camera


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DepthView:
    """What one depth camera saw at one instant."""

    depth_m: Float[np.ndarray, "_ _"]
    """NaN where missing; the whole image, with the room."""
    mask: Bool[np.ndarray, "_ _"]
    """Where the people are."""
    camera: Camera
    time_us: int = 0
    """When this image was taken, on the session clock."""
    person: Int[np.ndarray, "_ _"] | None = None
    """Whose each pixel is: 0 for person00; None: person00's wherever the mask is."""

    def people(self, box: tuple[slice, slice]) -> Int[np.ndarray, "rows columns"]:
        """Whose each pixel of a box is, -1 for nobody's."""
        mask = self.mask[box]
        whose = np.zeros(mask.shape, np.int8) if self.person is None else self.person[box]
        return np.where(mask, whose, -1).astype(np.int8)


def box_of(mask: Bool[np.ndarray, "rows columns"], margin: int) -> tuple[slice, slice]:
    """Rows and columns around the True pixels, with a margin as far as the image goes; empty slices where none is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    height, width = mask.shape
    return (
        slice(int(max(rows[0] - margin, 0)), int(min(rows[-1] + 1 + margin, height))),
        slice(int(max(columns[0] - margin, 0)), int(min(columns[-1] + 1 + margin, width))),
    )
