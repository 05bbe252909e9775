"""What people of a turntable stand on: a floor with a grid of metres that fades, and their soft shadow (numba)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba as nb
import numpy as np
from jaxtyping import Float, Float32, UInt8

from geometry.camera import Camera
from geometry.mesh import joined
from geometry.rasterizer import rasterize
from humanrig.video.drawing import LIGHT
from humanrig.video.figures import Figure

SHADOW_SIDE = 384
"""Cells of a shadow along each side."""
SHADOW_BLUR_M = 0.025
SHADOW_DARK = 0.45
_ABOVE, _BELOW = np.array([226.0, 231, 238]), np.array([206.0, 212, 221])
"""RGB of the background, and of the floor."""
_LINE_M = 0.006
"""Half the width of a line."""
_LINE_LEVELS = 26.0
"""That a line is darker than the floor."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shadow:
    """How dark the floor is in a square."""

    corner: Float[np.ndarray, "2"]
    """x and y of the square's least corner, metres."""
    side_m: float
    dark: Float32[np.ndarray, "cells cells"]
    """0 to 1; first along y, then along x."""


def shadow_of(figures: Sequence[Figure], floor_z: float) -> Shadow:
    """Where the figures keep the light from the floor."""
    if not figures:
        return Shadow(corner=np.zeros(2), side_m=1.0, dark=np.zeros((2, 2), np.float32))
    whole = joined([figure.mesh for figure in figures])
    above = np.maximum(whole.vertices[:, 2:] - floor_z, 0)
    xy = whole.vertices[:, :2] - above * LIGHT[:2] / LIGHT[2]
    low, high = xy.min(0) - 0.2, xy.max(0) + 0.2
    side = float((high - low).max())
    q = (xy - low) / side * SHADOW_SIDE - 0.5
    covered = rasterize(q, np.ones(len(q)), whole.faces, SHADOW_SIDE, SHADOW_SIDE).covered
    sigma = SHADOW_BLUR_M / side * SHADOW_SIDE
    dark = np.asarray(cv2.GaussianBlur(covered.astype(np.float32), (0, 0), sigma), np.float32)
    return Shadow(corner=low, side_m=side, dark=dark)


def floor_picture(
    camera: Camera, shadow: Shadow, center: Float[np.ndarray, "2"], reach_m: float, floor_z: float
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Background and floor as a camera without lens distortion sees them; the grid fades at `reach_m` from center."""
    picture = np.empty((camera.height, camera.width, 3), np.uint8)
    turn = camera.T_world_camera[:3, :3] @ np.linalg.inv(camera.K)
    _paint(
        picture, turn, camera.center - [0, 0, floor_z], np.asarray(center, np.float64), reach_m,
        shadow.corner, shadow.side_m, shadow.dark, _ABOVE, _BELOW,
    )  # fmt: skip
    return picture


@nb.njit(cache=True)
def _paint(picture, turn, eye, center, reach, corner, side, dark, above, below):
    """Each pixel: its ray meets z = 0 or the background."""
    rows, columns = picture.shape[:2]
    cells = len(dark)
    for row in range(rows):
        for column in range(columns):
            dx = turn[0, 0] * column + turn[0, 1] * row + turn[0, 2]
            dy = turn[1, 0] * column + turn[1, 1] * row + turn[1, 2]
            dz = turn[2, 0] * column + turn[2, 1] * row + turn[2, 2]
            floor, line, shade = 0.0, 0.0, 0.0
            if dz * eye[2] < 0:
                t = -eye[2] / dz
                x, y = eye[0] + t * dx, eye[1] + t * dy
                away = np.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2) / reach
                floor = max(0.0, min(1.0, 1.6 - away))
                # the pixel's size on the floor, along and across the ray, widens the lines instead of breaking them
                pixel = t * np.sqrt(turn[0, 0] ** 2 + turn[1, 0] ** 2 + turn[2, 0] ** 2)
                slanted = pixel * np.sqrt(dx * dx + dy * dy + dz * dz) / max(abs(dz), 1e-6)
                width = 0.5 * (pixel + slanted)
                for value in (x, y):
                    gap = abs(value - np.round(value))
                    share = max(0.0, min(1.0, (_LINE_M + 0.5 * width - gap) / max(width, 1e-9)))
                    share *= min(1.0, 2 * _LINE_M / max(width, 1e-9))
                    line = max(line, share)
                a, b = (x - corner[0]) / side * cells - 0.5, (y - corner[1]) / side * cells - 0.5
                if 0 <= a < cells - 1 and 0 <= b < cells - 1:
                    i, j = int(b), int(a)
                    u, v = b - i, a - j
                    shade = (1 - u) * ((1 - v) * dark[i, j] + v * dark[i, j + 1]) + u * (
                        (1 - v) * dark[i + 1, j] + v * dark[i + 1, j + 1]
                    )
            for c in range(3):
                value = above[c] + floor * (below[c] - above[c])
                value -= floor * _LINE_LEVELS * line
                value *= 1 - SHADOW_DARK * floor * shade
                picture[row, column, c] = np.uint8(max(0.0, min(255.0, value + 0.5)))
