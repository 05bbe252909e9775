"""Where a board is black: a depth camera may read ink and paper at different distances."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates

from capture.board import Board
from capture.board_pattern import pattern_bounds, pattern_image

TEXELS = 40
"""Of a square's side."""


def ink_share(board: Board, foot: Float[np.ndarray, "points 2"], pixel_m: float) -> Float[np.ndarray, "points"]:
    """How much of a pixel's footprint of side `pixel_m` is black, 0 … 1, at points of the front's plane (metres)."""
    per_m = TEXELS / board.square_m
    width = max(pixel_m * per_m, 1.0)
    image = cv2.GaussianBlur(1 - pattern_image(board, TEXELS), (0, 0), width / 2)
    return map_coordinates(
        image, ((foot - pattern_bounds(board)[:2])[:, ::-1] * per_m - 0.5).T, np.float64, order=1, mode="nearest"
    )
