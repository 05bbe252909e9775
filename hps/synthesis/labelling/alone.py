"""How large a person would be in a picture if nothing stood in front, in and beyond the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from geometry.face_raster.projection import PixelPositions
from geometry.face_raster.rasterizer import FaceRasterizer

BEYOND: Final = 2.0
"""Pictures are continued by at most this many of their widths and heights on each side: whoever is wider stands within
a hand's breadth of the lens, and `pixels_whole` counts what this covers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alone:
    """One person, drawn alone."""

    pixels: int
    """In the frame."""
    pixels_whole: int
    """In the frame and beyond."""
    box: tuple[float, float, float, float]
    """x, y, width, height of all those pixels, in pixels of the picture; zeros where there are none."""


def draw_alone(
    rasterizer: FaceRasterizer, camera: Camera, vertices: Float[np.ndarray, "vertices 3"], faces: np.ndarray
) -> Alone:
    """The person in a camera without distortion. vertices: world, metres. Pixels are told by their centres.

    Faces that reach behind the camera are left out.
    """
    positions = PixelPositions.of(camera, vertices)
    q = positions.q[np.isfinite(positions.q).all(1), :2]
    if not len(q):
        return Alone(pixels=0, pixels_whole=0, box=(0.0, 0.0, 0.0, 0.0))
    size = np.array([camera.width, camera.height])
    low = np.clip(np.floor(q.min(0)), -BEYOND * size, size - 1).astype(int)
    high = np.clip(np.ceil(q.max(0)) + 1, 1 - BEYOND * size, (1 + BEYOND) * size).astype(int)
    low = np.minimum(low, high - 1)
    wide = Camera(
        name=camera.name,
        K=camera.K - np.array([[0, 0, low[0]], [0, 0, low[1]], [0, 0, 0]]),
        width=int(high[0] - low[0]),
        height=int(high[1] - low[1]),
        T_world_camera=camera.T_world_camera,
    )
    window = PixelPositions.of(wide, vertices).window(0)
    if window is None:
        return Alone(pixels=0, pixels_whole=0, box=(0.0, 0.0, 0.0, 0.0))
    covered = rasterizer.draw(wide, vertices, faces, window, 1).covered
    if not covered.any():
        return Alone(pixels=0, pixels_whole=0, box=(0.0, 0.0, 0.0, 0.0))
    row0, column0 = window[0].start + low[1], window[1].start + low[0]
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    in_frame = covered[max(0, -row0) : max(0, camera.height - row0), max(0, -column0) : max(0, camera.width - column0)]
    return Alone(
        pixels=int(in_frame.sum()),
        pixels_whole=int(covered.sum()),
        box=(
            float(column0 + columns[0]),
            float(row0 + rows[0]),
            float(columns[-1] - columns[0] + 1),
            float(rows[-1] - rows[0] + 1),
        ),
    )
