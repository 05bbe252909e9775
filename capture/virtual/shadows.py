"""Soft shadows that figures and furniture cast on the floor: one for each lamp, and darkness where they stand."""

from __future__ import annotations

import cv2
import numba as nb
import numpy as np
from jaxtyping import Float32, Real

from capture.virtual.ambient_occlusion import GIVEN_BACK, LUMINANCE
from capture.virtual.light import Lights
from capture.virtual.surface_samples import SurfaceSamples

FLOOR_M = 7.2
"""Side of the square of floor about the origin: the whole room."""
FLOOR_CELLS = 180
LAYERS_M = (0.25, 0.8)
"""Heights that part what casts shadows: the higher, the softer."""
PENUMBRAS_M = (0.03, 0.055, 0.12)
"""Deviation of the blur of each layer: lamps of about 0.3 m seen from 2 m."""
CONTACT_M, CONTACT_BLUR_M, CONTACT_DARKNESS = (0.15, 0.7), (0.05, 0.22), (0.55, 0.35)
"""What stands up to these heights hides this part of the light from all around, blurred so far."""
FILL = 1.35
"""Samples leave some cells of an outline empty; this makes its middle whole again after the blur."""


def floor_shadow(
    vertices: Real[np.ndarray, "vertices 3"], samples: SurfaceSamples, lights: Lights | None = None
) -> Float32[np.ndarray, "cells cells"]:
    """Part of the light left on the floor, 0 … 1, in cells of FLOOR_M / FLOOR_CELLS; rows along y, columns along x.

    Cell (0, 0) is at (-FLOOR_M / 2, -FLOOR_M / 2). Vertices are those of one frame, world, metres. `lights` None: the
    standard lamps, which hang at `Lights.positions`.
    """
    lights = Lights.standard() if lights is None else lights
    p = samples.at(vertices)
    sky, powers = float(lights.sky @ LUMINANCE), lights.powers @ LUMINANCE
    reach = np.array([_on_floor(position) for position in lights.positions]) * powers
    total = sky + reach.sum()
    left = np.full((FLOOR_CELLS, FLOOR_CELLS), np.float32(sky / total))
    for limit, blur, darkness in zip(CONTACT_M, CONTACT_BLUR_M, CONTACT_DARKNESS):
        footprint = _outline(p, np.array([0, 0, 1e6], np.float32), 0.0, limit)
        left *= 1 - (1 - GIVEN_BACK) * darkness * _blurred(footprint, blur)
    bounds = (0.0, *LAYERS_M, 1e3)
    for position, power in zip(lights.positions, reach):
        lamp = np.full_like(left, power / total)
        for low, high, blur in zip(bounds[:-1], bounds[1:], PENUMBRAS_M):
            outline = _outline(p, position, low, high)
            if outline.any():
                lamp *= 1 - _blurred(outline, blur)
        left += lamp
    return np.minimum(left, 1)


def _on_floor(position: np.ndarray) -> float:
    """How much of a lamp's power reaches the floor below the middle of the room, roughly: its cosine."""
    return float(position[2] / np.linalg.norm(position))


def _blurred(outline: np.ndarray, blur_m: float) -> np.ndarray:
    soft = cv2.GaussianBlur(outline, (0, 0), blur_m * FLOOR_CELLS / FLOOR_M)
    return np.minimum(FILL * soft, 1)


def _outline(p: np.ndarray, lamp: np.ndarray, low: float, high: float) -> np.ndarray:
    outline = np.zeros((FLOOR_CELLS, FLOOR_CELLS), np.float32)
    _drop(p, lamp, np.float32(low), np.float32(high), np.float32(FLOOR_CELLS / FLOOR_M), outline)
    return outline


@nb.njit(cache=True, fastmath=True, error_model="numpy")
def _drop(p, lamp, low, high, scale, outline):
    """Marks the cells where the shadows of points of some heights fall."""
    cells = outline.shape[0]
    half = np.float32(0.5 * cells)
    for i in range(len(p)):
        z = p[i, 2]
        if z < low or z >= high:
            continue
        stretch = z / max(lamp[2] - z, np.float32(0.3))
        column = int(np.floor((p[i, 0] + (p[i, 0] - lamp[0]) * stretch) * scale + half))
        row = int(np.floor((p[i, 1] + (p[i, 1] - lamp[1]) * stretch) * scale + half))
        if 0 <= row < cells and 0 <= column < cells:
            outline[row, column] = 1
