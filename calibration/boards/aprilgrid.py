"""The corners of an AprilGrid's tags in an image."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from capture.board import Board, marker_dictionary

SEPARATIONS_PX = (0, 3, 5)
"""Sides of the white brush that parts tags from the black squares that touch their corners, tried in turn: blur joins
them into one outline."""
FIT_PX = 3.0
"""Within this a tag lies where the others say, of corners that were found on outlines only."""
SUBPIX_PART = 0.35
"""Half the window of `cornerSubPix`, as a part of the small squares between the tags."""
SUBPIX_LIMITS_PX = (2, 8)


def find_aprilgrid(
    board: Board, image: UInt8[np.ndarray, "height width"]
) -> tuple[Int[np.ndarray, "corners"], Float[np.ndarray, "corners 2"]]:
    """Ids (of `Board.corners`) and places; of a two-sided board those of the side that shows more.

    Which corner of a tag is the first one is told by how the tags lie to each other, not by the tag: programs that
    print them disagree about their upright. At least two tags must be seen.
    """
    quads = _tags(board, image)
    best = np.empty(0, np.int64), np.empty((0, 2))
    for side in range(board.sides):
        mine = {tag: quad for tag, quad in quads.items() if tag in board.marker_ids(side)}
        ids, q = _arranged(board, side, mine)
        if len(ids) > len(best[0]):
            best = ids + side * board.corners_per_side, q
    ids, q = best
    if not len(ids):
        return best
    sides = np.linalg.norm(np.diff(q.reshape(-1, 4, 2), axis=1), axis=-1)
    gap = float(sides.min()) * (board.square_m - board.marker_m) / board.marker_m
    half = int(np.clip(SUBPIX_PART * gap, *SUBPIX_LIMITS_PX))
    start = q.astype(np.float32).reshape(-1, 1, 2)
    q = cv2.cornerSubPix(image, start, (half, half), (-1, -1), (3, 30, 0.01)).reshape(-1, 2)
    return ids, q.astype(np.float64)


def _tags(board: Board, image: np.ndarray) -> dict[int, np.ndarray]:
    """Outline of each tag by its number, from all separations."""
    found: dict[int, np.ndarray] = {}
    for brush in SEPARATIONS_PX:
        seen = cv2.dilate(image, np.ones((brush, brush), np.uint8)) if brush else image
        quads, ids, _ = _detector(board.dictionary, board.border_bits).detectMarkers(seen)
        if ids is None:
            continue
        for tag, quad in zip(np.ravel(ids), quads):
            corners = np.reshape(quad, (4, 2)).astype(np.float64)
            if brush:  # the brush took half its width from each side
                away = corners - corners.mean(0)
                corners = corners + np.sign(away) * (brush - 1) / 2
            found.setdefault(int(tag), corners)
    return found


def _arranged(
    board: Board, side: int, quads: dict[int, np.ndarray]
) -> tuple[Int[np.ndarray, "corners"], Float[np.ndarray, "corners 2"]]:
    """The tags that agree with each other on one plane, with their corners in the board's order."""
    nothing = np.empty(0, np.int64), np.empty((0, 2))
    if len(quads) < 2:
        return nothing
    tags = np.array(sorted(quads)) - side * board.markers_per_side
    q = np.stack([quads[tag + side * board.markers_per_side] for tag in tags])
    p = board.marker_corners[tags, :, :2]
    best_inside, best_q = np.zeros(len(tags), bool), q
    for turn in range(4):
        turned = np.roll(q, turn, axis=1)
        H, _ = cv2.findHomography(p.reshape(-1, 2), turned.reshape(-1, 2), cv2.RANSAC, FIT_PX)
        if H is None:
            continue
        there = cv2.perspectiveTransform(p.reshape(-1, 1, 2), H).reshape(-1, 4, 2)
        inside = np.linalg.norm(there - turned, axis=-1).max(1) < FIT_PX
        if inside.sum() > best_inside.sum():
            best_inside, best_q = inside, turned
    if best_inside.sum() < 2:
        return nothing
    ids = 4 * tags[best_inside][:, None] + np.arange(4)
    return ids.ravel(), best_q[best_inside].reshape(-1, 2)


@lru_cache(maxsize=8)
def _detector(dictionary: str, border_bits: int) -> Any:
    parameters = cv2.aruco.DetectorParameters()
    parameters.markerBorderBits = border_bits
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_NONE
    return cv2.aruco.ArucoDetector(marker_dictionary(dictionary), parameters)
