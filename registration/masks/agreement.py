"""Which cameras see surface where the others see it, and which stand alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int16, Int64
from scipy import ndimage

from registration.masks.voxels import Occupied

MIN_CAMERAS = 4
"""With fewer cameras much of the surface has one witness, and standing alone says nothing."""
MIN_VOXELS = 100
"""Voxels of a camera, over the instants looked at, below which nothing is said about it."""
WEAK = 0.8
"""A camera is named when this part of the median camera's confirmed share is not reached. In a ring of ten simulated
Kinects, one moved in a random direction, 60 mm leave 0.95 to 1.0 of it, 100 mm 0.77 to 0.96, 150 mm 0.75 to 0.91,
200 mm 0.35 to 0.48, 1 m 0.09 to 0.16; of the others none falls below 0.96."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Agreement:
    """Voxels of the people, by camera."""

    own: Int64[np.ndarray, "cameras"]
    """In which the camera sees surface."""
    confirmed: Int64[np.ndarray, "cameras"]
    """Of these, those with another camera's surface in them or in a neighbour."""

    @property
    def share(self) -> Float[np.ndarray, "cameras"]:
        """Confirmed share; NaN for a camera that sees too little to say."""
        return np.where(self.own >= MIN_VOXELS, self.confirmed / np.maximum(self.own, 1), np.nan)


def agreement(
    occupied: Sequence[Occupied], around: Sequence[Int16[np.ndarray, "_ 3"] | None], cameras: int
) -> Agreement:
    """Adds up some instants. `around`: voxels of the people at each; surface within a metre of their middle counts."""
    own, confirmed = np.zeros(cameras, np.int64), np.zeros(cameras, np.int64)
    for some, index in zip(occupied, around):
        if index is None or not len(some.index):
            continue
        low = np.maximum(index.min(0) - 6, 0)
        size = index.max(0) + 7 - low
        inside = ((some.index >= low) & (some.index < low + size)).all(1)
        at = tuple((some.index[inside] - low).T)
        bits = np.zeros(size, np.uint32)
        bits[at] = some.cameras[inside]
        for c in range(cameras):
            bit = np.uint32(1 << c)
            mine = (bits & bit) > 0
            other = np.asarray(ndimage.maximum_filter((bits & ~bit) > 0, 3), bool)
            own[c] += int(mine.sum())
            confirmed[c] += int((mine & other).sum())
    return Agreement(own=own, confirmed=confirmed)


def lonely_cameras(streams: Sequence[str], found: Agreement) -> list[str]:
    """A warning for each camera whose surface the others do not confirm."""
    share = found.share
    if np.isfinite(share).sum() < MIN_CAMERAS:
        return []
    usual = float(np.nanmedian(share))
    return [
        f"{stream} disagrees with the other cameras by decimetres: {100 * share[c]:.0f} % of the surface that it sees "
        f"of the people is confirmed by others, {100 * usual:.0f} % is usual; calibrate it again or leave it out: "
        f"--without {stream.split('/', maxsplit=1)[0]}"
        for c, stream in enumerate(streams)
        if np.isfinite(share[c]) and share[c] < WEAK * usual
    ]
