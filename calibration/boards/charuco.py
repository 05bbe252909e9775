"""The corners of a ChArUco board in an image, by OpenCV."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from capture.board import Board, marker_dictionary

FIRST_WINDOWS_PX, CLOSER_WINDOWS_PX = (5, 25), (3, 13, 23)
"""Sides of the neighbourhoods than which a marker's pixels are darker; each costs about a third of OpenCV's search.
Most pictures of a ring show no board, and only where the first ones show some of it are the closer ones tried. The
small one sees far boards, the large one blurred and dim ones: 5 px alone misses what is blurred by 2.5 px."""
MOST_SEEN = 0.4
"""Part of a side's corners above which a closer look is not worth its time: missed ones are looked for beside them."""
NOTHING = np.empty(0, np.int64), np.empty((0, 2))


def find_charuco(
    board: Board, image: UInt8[np.ndarray, "height width"]
) -> tuple[Int[np.ndarray, "corners"], Float[np.ndarray, "corners 2"]]:
    """Ids (of `Board.corners`) and places of the corners; of a two-sided board those of the side that shows more."""
    first = _look(board, image, FIRST_WINDOWS_PX)
    if first is None or len(first[0]) > MOST_SEEN * board.corners_per_side:
        return first or NOTHING
    closer = _look(board, image, CLOSER_WINDOWS_PX) or NOTHING
    return closer if len(closer[0]) > len(first[0]) else first


def _look(board: Board, image: np.ndarray, windows_px: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """Ids and places of corners; None where no marker is seen."""
    markers, sides = _detectors(board, windows_px)
    quads, ids, _ = markers.detectMarkers(image)
    if ids is None:
        return None
    best = NOTHING
    for side, detector in enumerate(sides):
        mine = np.isin(np.ravel(ids), board.marker_ids(side))
        if not mine.any():
            continue
        chosen = tuple(quad for quad, keep in zip(quads, mine) if keep)
        q, found, _, _ = detector.detectBoard(image, markerCorners=chosen, markerIds=ids[mine])
        if found is not None and len(found) > len(best[0]):
            numbers = np.ravel(found).astype(np.int64) + side * board.corners_per_side
            best = numbers, np.reshape(q, (-1, 2)).astype(np.float64)
    return best


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
def _detectors(board: Board, windows_px: tuple[int, ...]) -> tuple[Any, tuple[Any, ...]]:
    """OpenCV's detector of the markers, and of each side's corners. The windows are evenly spaced."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.adaptiveThreshWinSizeMin, parameters.adaptiveThreshWinSizeMax = windows_px[0], windows_px[-1]
    parameters.adaptiveThreshWinSizeStep = windows_px[1] - windows_px[0]
    sides = tuple(
        cv2.aruco.CharucoDetector(opencv_charuco(board, side), cv2.aruco.CharucoParameters(), parameters)
        for side in range(board.sides)
    )
    return cv2.aruco.ArucoDetector(marker_dictionary(board.dictionary), parameters), sides
