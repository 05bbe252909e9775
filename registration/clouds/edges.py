"""Pixels at the edges of a depth image, which may show two surfaces at once: flying pixels."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float


def on_edge(depth_m: Float[np.ndarray, "rows columns"], flying_m: float) -> Bool[np.ndarray, "rows columns"]:
    """Pixels whose 3x3 neighbourhood spans more than `flying_m`; to be asked of the image with the room in it.

    Missing neighbours say nothing.
    """
    kernel = np.ones((3, 3), np.uint8)
    known = np.isfinite(depth_m)
    farthest = cv2.dilate(np.where(known, depth_m, -1).astype(np.float32), kernel)
    nearest = cv2.erode(np.where(known, depth_m, 1e3).astype(np.float32), kernel)
    return farthest - nearest > flying_m
