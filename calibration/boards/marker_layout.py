"""What board a handful of markers belongs to, from their numbers and from how they lie to each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from capture.board import Board, marker_dictionary
from capture.errors import CaptureError

FAMILIES = ("4X4", "5X5", "6X6", "7X7")
SIZES = (50, 100, 250, 1000)
OTHERS = (
    "DICT_ARUCO_ORIGINAL",
    "DICT_ARUCO_MIP_36h12",
    "DICT_APRILTAG_16h5",
    "DICT_APRILTAG_25h9",
    "DICT_APRILTAG_36h11",
)
SEARCHED = 250
"""Markers of a family that are told apart: as many as boards have; with all thousand it takes four times as long."""
ENOUGH = 8
"""Markers that agree on one board: no other dictionary is tried then."""
NEAR_SIDES = 5.0
"""Markers further away than this many sides are not seen from one marker alone: its outline is too short for that."""
LATTICE_MISFIT = 0.3
"""In squares: a marker that lies further from a whole place belongs to something else."""
LEAST_MARKERS = 3
Quads = Mapping[int, Float[np.ndarray, "4 2"]]


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkerLayout:
    """How the markers of an unknown board lie."""

    kind: str
    """`charuco`, where they stand in a chequer, or `aprilgrid`, where they stand in rows and columns."""
    square_by_marker: float
    columns: int
    """0 where no two markers above each other were seen."""
    largest: int
    """Largest number that was seen."""


def dictionaries(first: str = "") -> list[str]:
    """One dictionary of each family that OpenCV has, smaller ones are its beginning; that of `first` in front."""
    names = [f"DICT_{family}_{SEARCHED}" for family in FAMILIES] + list(OTHERS)
    return sorted(names, key=lambda name: name.rsplit("_", 1)[0] != first.rsplit("_", 1)[0])


def smallest_dictionary(name: str, largest: int, wanted: str = "") -> str:
    """The smallest of a family that has a marker `largest`; `wanted` where that is of the family and has it too."""
    family = name.rsplit("_", 1)[0]
    if wanted.rsplit("_", 1)[0] == family and len(marker_dictionary(wanted).bytesList) > largest:
        return wanted
    if name in OTHERS:
        return name
    return next(f"{family}_{size}" for size in SIZES if size > largest or size == SIZES[-1])


def layout_of(pictures: Sequence[Quads]) -> MarkerLayout | None:
    """The layout that most pairs of markers agree on; None where too few lie beside each other."""
    pairs = [pair for quads in pictures for pair in _pairs(quads)]
    if len(pairs) < LEAST_MARKERS:
        return None
    nearest: dict[tuple[int, int], np.ndarray] = {}
    for picture, first, _, away in pairs:
        key = (picture, first)
        if key not in nearest or np.linalg.norm(away) < np.linalg.norm(nearest[key]):
            nearest[key] = away
    steps = np.abs(np.stack(list(nearest.values())))
    diagonal = np.abs(np.arctan2(steps[:, 1], steps[:, 0]) - np.pi / 4) < np.pi / 8
    charuco = bool(diagonal.mean() > 0.5)
    lengths = np.linalg.norm(steps[diagonal == charuco], axis=1)
    square = float(np.median(lengths)) / (np.sqrt(2) if charuco else 1.0)
    if square <= 1.01:
        return None
    down = 2 if charuco else 1
    votes: Counter[int] = Counter()
    for _, first, second, away in pairs:
        place = away / square
        whole = np.round(place)
        if np.abs(place - whole).max() < LATTICE_MISFIT and abs(whole[0]) == 0 and abs(whole[1]) == down:
            votes[abs(second - first)] += 1
    columns = votes.most_common(1)[0][0] if votes else 0
    largest = max(max(quads) for quads in pictures if quads)
    return MarkerLayout(
        kind="charuco" if charuco else "aprilgrid", square_by_marker=square, columns=columns, largest=largest
    )


def candidate_boards(layout: MarkerLayout, dictionary: str, square_m: float) -> list[Board]:
    """Boards that would carry such markers, with squares of `square_m`."""
    if layout.columns < 2:
        return []
    made = []
    per_row = layout.columns / 2 if layout.kind == "charuco" else layout.columns
    least = max(2, int(np.ceil((layout.largest + 1) / per_row - 1e-9)))
    for rows in (least, least + 1):
        for legacy in (False, True) if layout.kind == "charuco" and rows % 2 == 0 else (False,):
            try:
                made.append(
                    Board(
                        kind="charuco" if layout.kind == "charuco" else "aprilgrid",
                        columns=layout.columns,
                        rows=rows,
                        square_m=square_m,
                        marker_m=round(square_m / layout.square_by_marker, 4),
                        dictionary=dictionary,
                        legacy=legacy,
                    )
                )
            except CaptureError:
                continue
    return made


def agreeing(board: Board, pictures: Sequence[Quads]) -> int:
    """How many markers lie where the board has them, over all pictures."""
    total = 0
    numbers = {int(marker): n for n, marker in enumerate(board.marker_ids())}
    for quads in pictures:
        mine = [marker for marker in quads if marker in numbers]
        if len(mine) < LEAST_MARKERS:
            continue
        p = board.marker_corners[[numbers[marker] for marker in mine]][..., :2].mean(1)
        q = np.stack([quads[marker].mean(0) for marker in mine])
        if len(mine) < 4:
            p = board.marker_corners[[numbers[marker] for marker in mine]][..., :2].reshape(-1, 2)
            q = np.stack([quads[marker] for marker in mine]).reshape(-1, 2)
        size = np.median([np.linalg.norm(quads[marker][0] - quads[marker][2]) for marker in mine])
        _, mask = cv2.findHomography(p, q, cv2.RANSAC, max(2.0, 0.12 * float(size)))
        if mask is not None:
            total += int(mask.sum()) * len(mine) // len(p)
    return total


def _pairs(quads: Quads) -> list[tuple[int, int, int, np.ndarray]]:
    """(picture, one, another, where the other's middle lies in units of the one's side, from its middle)"""
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)
    found = []
    for first, quad in quads.items():
        H = cv2.getPerspectiveTransform(np.asarray(quad, np.float32), unit)
        for second, other in quads.items():
            if second == first:
                continue
            away = cv2.perspectiveTransform(other.mean(0).reshape(1, 1, 2).astype(np.float64), H).ravel()
            if np.linalg.norm(away) < NEAR_SIDES:
                found.append((id(quads), first, second, away))
    return found
