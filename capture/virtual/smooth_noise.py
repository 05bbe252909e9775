"""Noise whose neighbours are alike, drawn once and read from another place for every frame."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32

SPARE = 512
"""How much larger than a frame the drawn noise is in rows and in columns: as many places to start at."""


class SmoothNoise:
    """A supply of frames of Gaussian noise with unit variance, alike over `width_px` (standard deviation)."""

    def __init__(self, height: int, width: int, width_px: float, seed: int) -> None:
        """Every process that makes it with the same seed has the same supply."""
        self._size = height, width
        drawn = np.random.default_rng(seed).standard_normal((height + SPARE, width + SPARE), np.float32)
        if width_px > 0:
            drawn = cv2.GaussianBlur(drawn, (0, 0), width_px, borderType=cv2.BORDER_REFLECT)
        self._drawn = drawn / drawn.std()

    def frame(self, rng: np.random.Generator) -> tuple[Float32[np.ndarray, "height width"], float]:
        """A view of the supply, not to be written to, and the sign to take it with."""
        row, column = rng.integers(0, SPARE + 1, 2)
        height, width = self._size
        return self._drawn[row : row + height, column : column + width], float(1 - 2 * rng.integers(0, 2))


@cache
def shared_noise(height: int, width: int, width_px: float, seed: int) -> SmoothNoise:
    """The same supply for all sensors of a process: a frame takes its place in it from its own generator."""
    return SmoothNoise(height, width, width_px, seed)
