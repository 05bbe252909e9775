"""Colours between the charts of a texture: an image pyramid carries those of the charts into the gaps (push-pull)."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

COARSEST = 4
REDUCED = 4
"""Between charts, colours are found at a quarter of the size: nobody sees them, they only keep the JPEG small."""


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


def between_charts(
    image: UInt8[np.ndarray, "rows columns 3"], covered: Bool[np.ndarray, "rows columns"]
) -> UInt8[np.ndarray, "rows columns 3"]:
    """The image with smooth colours where no chart is; covered texels keep theirs."""
    rows, columns = covered.shape
    size = (max(columns // REDUCED, 1), max(rows // REDUCED, 1))
    inside = cv2.copyTo(image, covered.view(np.uint8))
    share = cv2.resize(covered.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    share = share.astype(np.float32) / 255
    mean = cv2.resize(inside, size, interpolation=cv2.INTER_AREA) / np.maximum(share, 1e-6)[..., None]
    smooth = np.clip(fill_holes(mean.astype(np.float32), share > 0), 0, 255).astype(np.uint8)
    around = cv2.resize(smooth, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return cv2.copyTo(image, covered.view(np.uint8), around)


def _halved(level: np.ndarray) -> np.ndarray:
    rows, columns = level.shape[:2]
    return cv2.resize(level, ((columns + 1) // 2, (rows + 1) // 2), interpolation=cv2.INTER_AREA)


def _mean(total: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return total / np.maximum(weights, 1e-6)[..., None]
