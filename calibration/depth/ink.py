"""Where a board is black: a depth camera may read ink and paper at different distances."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Float32
from scipy.ndimage import map_coordinates

from capture.board import Board

TEXELS = 40
"""Of a square's side."""


def ink_share(board: Board, foot: Float[np.ndarray, "points 2"], pixel_m: float) -> Float[np.ndarray, "points"] | None:
    """How much of a pixel's footprint of side `pixel_m` is black, 0 … 1, at points of the board's plane (metres).

    None for boards whose pattern is not drawn here (AprilGrids).
    """
    if board.kind == "aprilgrid":
        return None
    per_m = TEXELS / board.square_m
    width = max(pixel_m * per_m, 1.0)
    image = cv2.GaussianBlur(_ink(board), (0, 0), width / 2)
    return map_coordinates(image, (foot[:, ::-1] * per_m - 0.5).T, np.float64, order=1, mode="nearest")


@lru_cache(maxsize=4)
def _ink(board: Board) -> Float32[np.ndarray, "rows columns"]:
    """The printed pattern, 1 where it is black."""
    if board.kind == "checkerboard":
        x, y = np.meshgrid(np.arange(board.columns), np.arange(board.rows))
        black = ((x + y) % 2 == 0).astype(np.float32).repeat(TEXELS, 0).repeat(TEXELS, 1)
    else:
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
        drawn = cv2.aruco.CharucoBoard((board.columns, board.rows), board.square_m, board.marker_m, dictionary)
        drawn.setLegacyPattern(board.legacy)
        black = 1 - drawn.generateImage((board.columns * TEXELS, board.rows * TEXELS), marginSize=0) / np.float32(255)
    return 1 - black if board.inverted else black
