"""A picture of any camera as what a board is looked for in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from calibration.errors import CalibrationError

LOCAL_PART = 0.12
"""Side of the neighbourhood that 16-bit infrared is compared with, as a part of the image's height: it holds two
squares of a board that fills a third of the picture."""
BRIGHT_PERCENTILE = 99.9
"""Of 16-bit infrared, the count that becomes white before the local contrast: retroreflectors lie above it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GreyImage:
    """One picture, twice: to search in and to measure in."""

    search: UInt8[np.ndarray, "height width"]
    """With even contrast; black squares of the printed board are dark, also those of an inverted one."""
    levels: Float[np.ndarray, "height width"]
    """float32, as the camera measured it, 0 … 255; of an inverted board inverted."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.search.shape[1], self.search.shape[0]


def grey_image(image: Any, *, inverted: bool = False) -> GreyImage:
    """A grey or RGB image of 8 bits, or infrared counts of 16, prepared. Raises CalibrationError for anything else."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        image = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16) or not image.size:
        raise CalibrationError(
            f"no board can be looked for in an image of shape {image.shape} and type {image.dtype}; give grey or RGB "
            "of 8 bits, or infrared of 16 bits"
        )
    if image.dtype == np.uint8:
        search = 255 - image if inverted else np.ascontiguousarray(image)
        return GreyImage(search=search, levels=search.astype(np.float32))
    white = max(float(np.percentile(image, BRIGHT_PERCENTILE)), 1.0)
    levels = np.minimum(image.astype(np.float32) * (255 / white), 255)
    search = _even_contrast(levels)
    if inverted:
        search, levels = 255 - search, 255 - levels
    return GreyImage(search=search, levels=levels)


def _even_contrast(levels: np.ndarray) -> np.ndarray:
    """8 bits, stretched between the darkest and the brightest of each neighbourhood: active illumination falls off
    with the square of the distance and towards the image's rim."""
    side = max(5, round(LOCAL_PART * levels.shape[0])) | 1
    root = np.sqrt(levels)
    calm = cv2.GaussianBlur(root, (0, 0), 1.0)
    kernel = np.ones((side, side), np.uint8)
    low, high = cv2.erode(calm, kernel), cv2.dilate(calm, kernel)
    low, high = (cv2.blur(part, (side, side)) for part in (low, high))
    least = 0.05 * float(root.max()) + 1e-3
    return np.clip(255 * (root - low) / np.maximum(high - low, least), 0, 255).astype(np.uint8)
