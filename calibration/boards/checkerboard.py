"""The corners of a checkerboard in an image, the first one first."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from capture.board import Board

SUBPIX_PART = 0.3
"""Half the window of `cornerSubPix`, as a part of the shortest distance between corners: it must not reach the next."""
SUBPIX_LIMITS_PX = (2, 11)


def find_checkerboard(
    board: Board, image: UInt8[np.ndarray, "height width"]
) -> tuple[Int[np.ndarray, "corners"], Float[np.ndarray, "corners 2"]]:
    """Ids (of `Board.corners`) and places of all inner corners, or none: a checkerboard must be seen whole.

    The square in front of the first corner is black; that tells a board of odd by even squares from its half turn.
    """
    inner = (board.columns - 1, board.rows - 1)
    nothing = np.empty(0, np.int64), np.empty((0, 2))
    found, q = _look(image, inner)
    if not found or not np.isfinite(q).all():
        return nothing
    grid = np.asarray(q, np.float64).reshape(inner[1], inner[0], 2)
    if _left_handed(grid):
        grid = grid[:, ::-1]
    if board.half_turn_shows and not _starts_black(grid, image):
        grid = grid[::-1, ::-1]
        if not _starts_black(grid, image):
            return nothing
    return np.arange(inner[0] * inner[1]), grid.reshape(-1, 2)


def _look(image: np.ndarray, inner: tuple[int, int]) -> tuple[bool, np.ndarray]:
    cv2.setRNGSeed(0)  # the search draws from OpenCV's generator: the same picture shall give the same corners
    # without CALIB_CB_ACCURACY, which takes four times as long: corners are measured afterwards
    for flags in (cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE, cv2.CALIB_CB_NORMALIZE_IMAGE):
        found, q = cv2.findChessboardCornersSB(image, inner, flags=flags)
        if found:
            return True, np.reshape(q, (-1, 2))
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
    found, q = cv2.findChessboardCorners(image, inner, flags=flags)
    if not found:
        return False, np.empty((0, 2))
    grid = np.reshape(q, (inner[1], inner[0], 2))
    steps = [np.linalg.norm(np.diff(grid, axis=axis), axis=-1).min() for axis in (0, 1)]
    half = int(np.clip(SUBPIX_PART * min(steps), *SUBPIX_LIMITS_PX))
    q = cv2.cornerSubPix(image, q, (half, half), (-1, -1), (3, 30, 0.01))
    return True, np.reshape(q, (-1, 2))


def _left_handed(grid: np.ndarray) -> bool:
    """Whether the rows run against the image's: a board read from its printed side never shows so."""
    right, down = grid[0, -1] - grid[0, 0], grid[-1, 0] - grid[0, 0]
    return bool(right[0] * down[1] - right[1] * down[0] < 0)


def _starts_black(grid: np.ndarray, image: np.ndarray) -> bool:
    """Whether the squares of the first one's colour, between the inner corners, are the darker ones."""
    middles = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4
    x, y = middles.astype(np.float32)[..., 0], middles.astype(np.float32)[..., 1]
    level = cv2.remap(image, x, y, cv2.INTER_LINEAR).astype(np.float64)
    j, i = np.mgrid[: level.shape[0], : level.shape[1]]
    # the square behind inner corner (0, 0) is (1, 1), of the first one's colour
    same = (i + j) % 2 == 0
    if same.all():
        return True
    return bool(level[same].mean() < level[~same].mean())
