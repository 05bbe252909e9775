"""Colours for texels that nothing saw: from coarser and coarser averages of what was seen around them."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32


def fill_holes(
    image: Float32[np.ndarray, "size size 3"], known: Bool[np.ndarray, "size size"]
) -> Float32[np.ndarray, "size size 3"]:
    """The image with unknown texels filled by push–pull (Gortler et al., "The Lumigraph", 1996); known ones are kept.

    An image without any known texel becomes middle grey.
    """
    if not known.any():
        return np.full_like(image, 128.0)
    colors: list[np.ndarray] = [np.where(known[..., None], image, 0.0).astype(np.float32)]
    weights: list[np.ndarray] = [known.astype(np.float32)]
    while max(weights[-1].shape) > 1:
        half = (max(1, weights[-1].shape[1] // 2), max(1, weights[-1].shape[0] // 2))
        colors.append(cv2.resize(colors[-1], half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], 3))
        weights.append(cv2.resize(weights[-1], half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0]))
    filled = colors[-1] / np.maximum(weights[-1], 1e-9)[..., None]
    for color, weight in zip(colors[-2::-1], weights[-2::-1]):
        up = cv2.resize(filled, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = np.minimum(weight, 1.0)[..., None]
        filled = share * (color / np.maximum(weight, 1e-9)[..., None]) + (1 - share) * up
    return np.where(known[..., None], image, filled).astype(np.float32)
