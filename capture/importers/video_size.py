"""The camera of a video whose pictures are not of the size at which the camera was calibrated."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from capture.errors import CaptureError
from geometry.camera import Camera

SizeMismatch = Literal["refuse", "crop", "scale", "fit"]
MEANING = {
    "crop": "a piece was cut out",
    "scale": "stretched to the new size",
    "fit": "scaled evenly to fit inside, with bars around",
}


def camera_of_size(
    camera: Camera, width: int, height: int, policy: SizeMismatch, crop_offset: tuple[int, int] = (0, 0)
) -> Camera:
    """The camera for pictures of width x height; unchanged when that is its size.

    What was done to the pictures cannot be read off their size, so the user says it. `crop`: the piece that begins at
    `crop_offset` (column, row) of the calibrated picture. `scale`: each axis stretched by its own factor. `fit`: both
    axes by the smaller of the two factors, centred, the rest filled with bars. Raises CaptureError for `refuse`, and
    for a crop that reaches beyond the calibrated picture.
    """
    if (width, height) == (camera.width, camera.height):
        return camera
    sizes = f"'{camera.name}': the video is {width}x{height}, the calibration {camera.width}x{camera.height}"
    if policy == "refuse":
        options = ", ".join(f"--size-mismatch {name} ({text})" for name, text in MEANING.items())
        raise CaptureError(f"{sizes}; export the video at the calibrated size, or say what was done to it: {options}")
    if policy == "scale":
        return camera.resized(width, height)
    if policy == "fit":
        factor = min(width / camera.width, height / camera.height)
        left, top = (width - camera.width * factor) / 2, (height - camera.height * factor) / 2
        # A pixel centre u lies at u + 0.5 from the picture's edge, and edges are what is scaled.
        A = np.array([[factor, 0, 0.5 * factor + left - 0.5], [0, factor, 0.5 * factor + top - 0.5], [0, 0, 1]])
        return replace(camera, K=A @ camera.K, width=width, height=height)
    column, row = crop_offset
    if column < 0 or row < 0 or column + width > camera.width or row + height > camera.height:
        raise CaptureError(f"{sizes}; a crop at ({column}, {row}) reaches beyond it, so it was not made by cropping")
    shift = np.array([[0.0, 0, -column], [0, 0, -row], [0, 0, 0]])
    return replace(camera, K=camera.K + shift, width=width, height=height)
