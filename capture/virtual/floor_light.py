"""Shadows on the floor of a room's picture (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, UInt8

from capture.virtual.light import linear_from_srgb, srgb_from_linear

STEPS = 64
"""Steps of darkness in the table: one is less than two grey levels of a white floor."""


def _table() -> np.ndarray:
    light = np.linspace(0, 1, STEPS + 1)[:, None] * linear_from_srgb(np.arange(256))
    return np.rint(srgb_from_linear(light)).astype(np.uint8)


_DIMMED = _table()


def darken_floor(
    picture: UInt8[np.ndarray, "height width 3"],
    floor: Float[np.ndarray, "height width 2"],
    light: Float32[np.ndarray, "cells cells"],
    side_m: float,
) -> None:
    """Dims the floor's pixels of an sRGB picture, in place, by the light that is left there.

    floor: world x, y that each pixel shows, metres, far away where it is no floor. light: of shadows.floor_shadow, on
    a square of `side_m` about the origin, rows along y.
    """
    _darken(picture, floor, light, np.float32(len(light) / side_m), _DIMMED)


@nb.njit(cache=True, error_model="numpy")
def _darken(picture, floor, light, cells_per_m, dimmed):
    cells = len(light)
    middle, last = np.float32(0.5 * cells - 0.5), np.float32(cells - 1.001)
    zero, steps = np.float32(0), np.float32(len(dimmed) - 1)
    for r in range(picture.shape[0]):
        for c in range(picture.shape[1]):
            x, y = floor[r, c, 0] * cells_per_m + middle, floor[r, c, 1] * cells_per_m + middle
            if not (zero <= x < last and zero <= y < last):
                continue
            column, row = int(x), int(y)
            fx, fy = x - column, y - row
            upper = light[row, column] + fx * (light[row, column + 1] - light[row, column])
            lower = light[row + 1, column] + fx * (light[row + 1, column + 1] - light[row + 1, column])
            step = int((upper + fy * (lower - upper)) * steps + np.float32(0.5))
            if step < steps:
                for k in range(3):
                    picture[r, c, k] = dimmed[step, picture[r, c, k]]
