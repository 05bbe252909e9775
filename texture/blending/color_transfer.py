"""A picture as the rig's common camera would have taken it: corrections and gains applied to linear light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from calibration.color.srgb import light_of, values_of

Gains = Mapping[str, Float[np.ndarray, "3"]]
"""Factors on linear red, green and blue by stream."""
CLIPPED = 253
"""A value from here on is the sensor's end: it stays the brightest there is, however dark the gain would make it, so
that whoever looks at the picture later still sees that it is clipped."""
_CODES = np.arange(256, dtype=np.uint8)
_LIGHT = light_of(_CODES).astype(np.float32)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColorTransfer:
    """A matrix on linear RGB: common = matrix @ camera."""

    matrix: Float[np.ndarray, "3 3"]

    @classmethod
    def of(
        cls, correction: Float[np.ndarray, "3 3"] | None = None, gain: Float[np.ndarray, "3"] | None = None
    ) -> ColorTransfer:
        """The correction first, the gain of each channel after it; None stands for no change."""
        matrix = np.eye(3) if correction is None else np.asarray(correction, np.float64)
        return cls(matrix=matrix if gain is None else np.asarray(gain, np.float64)[:, None] * matrix)

    @property
    def is_identity(self) -> bool:
        """Whether it changes no 8-bit value."""
        return bool(np.abs(self.matrix - np.eye(3)).max() < 1e-4)

    @property
    def is_diagonal(self) -> bool:
        """Whether each channel stays by itself."""
        return bool(np.abs(self.matrix - np.diag(np.diag(self.matrix))).max() < 1e-6)


def transferred(
    image: UInt8[np.ndarray, "rows columns 3"], transfer: ColorTransfer
) -> UInt8[np.ndarray, "rows columns 3"]:
    """The image (sRGB) with the transfer applied to its light; what comes out above 1 is cut, clipped values stay."""
    if transfer.is_identity:
        return image
    if transfer.is_diagonal:
        table = values_of(_LIGHT[:, None].astype(np.float64) * np.diag(transfer.matrix))
        table[CLIPPED:] = 255
        return cv2.LUT(np.ascontiguousarray(image), table[None])
    moved = values_of(cv2.transform(_LIGHT[image], transfer.matrix.astype(np.float32)))
    return np.where(image >= CLIPPED, np.uint8(255), moved)


def table_of_light() -> Float32[np.ndarray, "256"]:
    """Linear light, 0 … 1, of each 8-bit level."""
    return _LIGHT


def light(levels: Float32[np.ndarray, "*texels"]) -> Float32[np.ndarray, "*texels"]:
    """Linear light, 0 … 1, of sRGB levels between the whole ones."""
    return np.interp(levels, _CODES, _LIGHT).astype(np.float32)
