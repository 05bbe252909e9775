"""The corners of a ChArUco board in an image, by OpenCV."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from capture.board import Board, marker_dictionary


def find_charuco(
    board: Board, image: UInt8[np.ndarray, "height width"]
) -> tuple[Int[np.ndarray, "corners"], Float[np.ndarray, "corners 2"]]:
    """Ids (of `Board.corners`) and places of the corners; of a two-sided board those of the side that shows more."""
    markers, sides = _detectors(board)
    quads, ids, _ = markers.detectMarkers(image)
    best = np.empty(0, np.int64), np.empty((0, 2))
    if ids is None:
        return best
    for side, detector in enumerate(sides):
        mine = np.isin(np.ravel(ids), board.marker_ids(side))
        if not mine.any():
            continue
        chosen = tuple(quad for quad, keep in zip(quads, mine) if keep)
        q, found, _, _ = detector.detectBoard(image, markerCorners=chosen, markerIds=ids[mine])
        if found is not None and len(found) > len(best[0]):
            best = np.ravel(found).astype(np.int64) + side * board.corners_per_side, np.reshape(q, (-1, 2))
    return best[0], np.asarray(best[1], np.float64)


def opencv_charuco(board: Board, side: int = 0) -> Any:
    """OpenCV's cv2.aruco.CharucoBoard of one side."""
    made = cv2.aruco.CharucoBoard(
        (board.columns, board.rows),
        board.square_m,
        board.marker_m,
        marker_dictionary(board.dictionary),
        board.marker_ids(side).astype(np.int32),
    )
    made.setLegacyPattern(board.legacy)
    return made


@lru_cache(maxsize=64)
def _detectors(board: Board) -> tuple[Any, tuple[Any, ...]]:
    """OpenCV's detector of the markers, and of each side's corners."""
    parameters = cv2.aruco.DetectorParameters()
    sides = tuple(
        cv2.aruco.CharucoDetector(opencv_charuco(board, side), cv2.aruco.CharucoParameters(), parameters)
        for side in range(board.sides)
    )
    return cv2.aruco.ArucoDetector(marker_dictionary(board.dictionary), parameters), sides
