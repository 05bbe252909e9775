"""What is inked on a board, as rectangles: for a printed page and for a rendered texture alike."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float

from capture.board import Board, marker_dictionary


def pattern_rectangles(board: Board, side: int = 0) -> Float[np.ndarray, "rectangles 4"]:
    """What is black on one side (of an inverted board: white), as (x0, y0, x1, y1) in that side's frame, metres.

    Rectangles do not overlap. Squares at the rim of an AprilGrid reach beyond `Board.size_m` by its gap.
    """
    if board.kind == "aprilgrid":
        return np.concatenate([_corner_squares(board), _markers(board, side)])
    j, i = (a.ravel() for a in np.mgrid[: board.rows, : board.columns])
    black = (i + j) % 2 == (0 if board.first_is_black else 1)
    low = np.stack([i, j], -1)[black] * board.square_m
    squares = np.concatenate([low, low + board.square_m], -1)
    return squares if board.kind == "checkerboard" else np.concatenate([squares, _markers(board, side)])


def pattern_bounds(board: Board) -> Float[np.ndarray, "4"]:
    """(x0, y0, x1, y1) around everything that is inked, in a side's frame, metres."""
    gap = board.square_m - board.marker_m if board.kind == "aprilgrid" else 0.0
    return np.array([-gap, -gap, *(board.size_m + gap)])


def _corner_squares(board: Board) -> Float[np.ndarray, "squares 4"]:
    """The small squares between the tags of an AprilGrid, which make each tag's corner one of a checkerboard."""
    gap = board.square_m - board.marker_m
    x, y = np.meshgrid(np.arange(board.columns + 1), np.arange(board.rows + 1))
    low = np.stack([x.ravel(), y.ravel()], -1) * board.square_m - gap
    return np.concatenate([low, low + gap], -1)


def _markers(board: Board, side: int) -> Float[np.ndarray, "rectangles 4"]:
    """The black modules of all markers, those of a row that touch as one rectangle."""
    dictionary, n = marker_dictionary(board.dictionary), board.modules
    runs = []
    for marker, corners in zip(board.marker_ids(side), board.marker_corners):
        image = cv2.aruco.generateImageMarker(dictionary, int(marker), n, borderBits=board.border_bits)
        edges = np.diff(np.pad(image == 0, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        row, first = np.nonzero(edges == 1)
        last = np.nonzero(edges == -1)[1]
        modules = np.stack([first, row, last, row + 1], -1) * (board.marker_m / n)
        runs.append(np.tile(corners[0, :2], 2) + modules)
    return np.concatenate(runs)


@lru_cache(maxsize=8)
def pattern_image(board: Board, texels: int, *, side: int = 0, border: int = 0) -> Float[np.ndarray, "height width"]:
    """One side as an image, 0 black … 1 white, with `texels` along a square and a plain border around everything inked.

    A texel that an edge crosses holds the mean of what it covers. The image is kept, and cannot be written to.
    """
    bounds, scale = pattern_bounds(board), texels / board.square_m
    width, height = (int(n) + 2 * border for n in np.ceil((bounds[2:] - bounds[:2]) * scale - 1e-6))
    ink = np.zeros((height, width))
    for x0, y0, x1, y1 in (pattern_rectangles(board, side) - np.tile(bounds[:2], 2)) * scale + border:
        ink += _covered(height, y0, y1)[:, None] * _covered(width, x0, x1)
    ink = np.clip(ink, 0, 1)
    pattern = ink if board.inverted else 1 - ink
    pattern.setflags(write=False)
    return pattern


def _covered(count: int, low: float, high: float) -> Float[np.ndarray, "count"]:
    """Which part of each cell [n, n + 1] lies in [low, high]."""
    cells = np.arange(count)
    return np.clip(np.minimum(cells + 1, high) - np.maximum(cells, low), 0, 1)
