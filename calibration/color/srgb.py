"""From the 8-bit values of a picture to light, and back (IEC 61966-2-1)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

_CODES = np.arange(256) / 255
_LIGHT = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4)


def light_of(values: UInt8[np.ndarray, "*pixels"]) -> Float[np.ndarray, "*pixels"]:
    """Linear light, 0 … 1, of sRGB values."""
    return _LIGHT[values]


def values_of(light: Float[np.ndarray, "*pixels"]) -> UInt8[np.ndarray, "*pixels"]:
    """sRGB values of linear light; what is darker than 0 or brighter than 1 is cut."""
    light = np.clip(light, 0, 1)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * coded).astype(np.uint8)
