"""Found corners drawn over the picture they were found in."""

from __future__ import annotations

import colorsys
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from calibration.board_view import BoardView
from calibration.boards.grey_image import grey_image
from capture.board import Board

SHIFT = 4
"""Drawn to a sixteenth of a pixel."""


def draw_view(image: Any, board: Board, view: BoardView | None) -> UInt8[np.ndarray, "height width 3"]:
    """The image (grey, RGB or 16-bit infrared) in RGB with a ring around each corner, joined in the order of their ids;
    the first corners are red. Without a view the image alone. Raises CalibrationError for another kind of image."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8:
        drawn = np.ascontiguousarray(image).copy()
    else:
        drawn = cv2.cvtColor(grey_image(image).search, cv2.COLOR_GRAY2RGB)
    if view is None:
        return drawn
    size = max(drawn.shape[:2])
    radius, width = max(3.0, size / 240), max(1, round(size / 900))
    points = np.round(view.q * 2**SHIFT).astype(int)
    for n, point in enumerate(points):
        color = _color(int(view.ids[n]) % board.corners_per_side, board.corners_per_side)
        center = (int(point[0]), int(point[1]))
        if n:
            before = (int(points[n - 1][0]), int(points[n - 1][1]))
            cv2.line(drawn, before, center, color, width, cv2.LINE_AA, SHIFT)
        cv2.circle(drawn, center, round(radius * 2**SHIFT), color, width, cv2.LINE_AA, SHIFT)
    return drawn


def _color(number: int, count: int) -> tuple[int, int, int]:
    """From red over yellow and green to blue."""
    red, green, blue = colorsys.hsv_to_rgb(0.7 * number / max(count - 1, 1), 1.0, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
