"""Colours for texels that nobody saw: an image pyramid carries the seen ones into the holes (push-pull)."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32

COARSEST = 4


def fill_holes(
    image: Float32[np.ndarray, "rows columns 3"], known: Bool[np.ndarray, "rows columns"]
) -> Float32[np.ndarray, "rows columns 3"]:
    """The image with its unknown texels filled smoothly from the known ones, which keep their values.

    All zero when nothing is known. Push: halve the image, averaging known texels. Pull: fill each level's holes from
    the coarser level (Gortler 1996, section 3.4).
    """
    weights = known.astype(np.float32)
    levels: list[tuple[np.ndarray, np.ndarray]] = [(np.where(known[..., None], image, np.float32(0)), weights)]
    while min(levels[-1][1].shape) > COARSEST:
        total, weights = (_halved(level) for level in levels[-1])
        share = np.minimum(weights, 0.25) / np.maximum(weights, 1e-12)  # a quarter known is enough to trust a texel
        levels.append((total * share[..., None] * 4, weights * share * 4))
    total, weights = levels[-1]
    coarse = _mean(total, weights)
    if not weights.any():
        return np.zeros_like(image)
    coarse = np.where((weights > 0)[..., None], coarse, total.sum((0, 1)) / weights.sum())
    for total, weights in reversed(levels[:-1]):
        rows, columns = weights.shape
        up = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR)
        coarse = up + np.minimum(weights, 1)[..., None] * (_mean(total, weights) - up)
    return np.where(known[..., None], image, coarse).astype(np.float32)


def _halved(level: np.ndarray) -> np.ndarray:
    rows, columns = level.shape[:2]
    return cv2.resize(level, ((columns + 1) // 2, (rows + 1) // 2), interpolation=cv2.INTER_AREA)


def _mean(total: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return total / np.maximum(weights, 1e-6)[..., None]
