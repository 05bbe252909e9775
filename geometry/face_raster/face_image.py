"""The face that each pixel (or sub-pixel sample) of a camera sees, and the rectangle of the image that was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int32

from geometry.camera import Camera
from geometry.errors import GeometryError

Window = tuple[slice, slice]
"""Rows and columns of whole pixels, each with a start and a stop inside the image."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FaceImage:
    """What the samples of a rectangle of an image see of a mesh.

    Each pixel has subpixels x subpixels samples in rows and columns, evenly spread over it: with 2, at ±0.25 px from
    its centre.
    """

    face: Int32[np.ndarray, "sample_rows sample_columns"]
    """Index of the nearest face, -1 where there is none."""
    window: Window
    subpixels: int

    @property
    def covered(self) -> Bool[np.ndarray, "sample_rows sample_columns"]:
        """Whether a sample sees a face."""
        return self.face >= 0


def checked_window(camera: Camera, window: Window | None) -> Window:
    """The window with explicit bounds, the whole image for None; raises GeometryError where it leaves the image."""
    if window is None:
        return slice(0, camera.height), slice(0, camera.width)
    rows, columns = window
    for name, part, count in (("rows", rows, camera.height), ("columns", columns, camera.width)):
        if (
            part.step not in (None, 1)
            or not 0 <= (part.start or 0) < (count if part.stop is None else part.stop) <= count
        ):
            raise GeometryError(
                f"camera '{camera.name}': window {name} {part.start}:{part.stop} must be a part of 0:{count}, not empty"
            )
    return (
        slice(rows.start or 0, camera.height if rows.stop is None else rows.stop),
        slice(columns.start or 0, camera.width if columns.stop is None else columns.stop),
    )
