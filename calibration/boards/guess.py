"""Which board pictures show, where the described one is not found in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from calibration.boards.detection import BoardDetector
from calibration.boards.grey_image import grey_image
from calibration.boards.marker_layout import (
    ENOUGH,
    LEAST_MARKERS,
    Quads,
    agreeing,
    candidate_boards,
    dictionaries,
    layout_of,
    smallest_dictionary,
)
from capture.board import Board, marker_dictionary
from capture.board_file import board_flags, describe
from capture.errors import CaptureError

MOST_PICTURES, BEST_PICTURES, LONGEST_SIDE_PX = 12, 3, 1600
"""Pictures that are looked at, spread over those given; of them those with the most outlines, in which markers are
searched, since every dictionary takes its time; and their size."""
LEAST_SHARE = 0.5
"""Of the markers that were found, those that must lie as on the board."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardGuess:
    """A board that the pictures could show."""

    board: Board
    """Its squares' size is the described one's: pictures do not tell it."""
    mirrored: bool
    """Whether the pictures, or the print, are mirrored; then no description fits."""
    support: int
    """Markers (of a checkerboard: corners) that lie as on this board."""
    text: str
    """In words."""


def guess_board(images: Sequence[Any], described: Board) -> tuple[BoardGuess, ...]:
    """Boards that would be found in the images (as `BoardDetector.detect` takes them), the likeliest first.

    Empty where no markers and no squares are seen at all. The described board itself is among them where it fits. The
    size of squares cannot be seen: guesses have the described one's, and markers in proportion.
    """
    chosen = [images[n] for n in _spread(len(images))]
    pictures = [_reduced(grey_image(image).search) for image in chosen]
    pictures = sorted(pictures, key=_outlines, reverse=True)[:BEST_PICTURES]
    guesses: list[BoardGuess] = []
    for mirrored in (False, True):
        for inverted in (False, True):
            seen = [_as(picture, mirrored, inverted) for picture in pictures]
            guesses += _marked(seen, described, mirrored, inverted)
        if guesses:
            break
    if not guesses:
        guesses = _unmarked(pictures, described)
    return tuple(sorted(guesses, key=lambda guess: -guess.support)[:3])


def explain(guesses: Sequence[BoardGuess], described: Board) -> str:
    """One sentence or two: what the pictures seem to show, and what to give instead."""
    if not guesses:
        return (
            f"neither the {describe(described)} nor any markers or squares are seen; is the board in the picture, in "
            "focus, lit, and held still?"
        )
    return guesses[0].text


def _marked(pictures: list[np.ndarray], described: Board, mirrored: bool, inverted: bool) -> list[BoardGuess]:
    """Boards with markers."""
    best: tuple[int, str, int, list[Quads]] = (LEAST_MARKERS - 1, "", 1, [])
    for name in dictionaries(described.dictionary):
        for border in (1, 2) if name == "DICT_APRILTAG_36h11" else (1,):
            quads = [_markers(picture, name, border) for picture in pictures]
            layout = layout_of(quads)
            if layout is None or layout.columns < 2:
                continue
            support = max((agreeing(b, quads) for b in candidate_boards(layout, name, 0.1)), default=0)
            if support > best[0]:
                best = support, name, border, quads
        if best[0] >= ENOUGH:
            break
    _, name, _, quads = best
    layout = layout_of(quads) if name else None
    if layout is None:
        return []
    found = sum(len(q) for q in quads)
    own_square = replace(layout, square_by_marker=_nice(layout.square_by_marker, described))
    boards = candidate_boards(
        own_square, smallest_dictionary(name, layout.largest, described.dictionary), described.square_m
    )
    if described.kind == layout.kind and described.columns == layout.columns and described.rows > 2:
        boards += _with_described_rows(boards, described)
    scored = [(agreeing(board, quads), board) for board in dict.fromkeys(boards)]
    top = max((score for score, _ in scored), default=0)
    if top < max(LEAST_MARKERS, LEAST_SHARE * found):
        return []
    guesses, equals = [], [board for score, board in scored if score == top]
    for score, board in scored:
        if score == top and not _shadowed(board, described, equals):
            turned = replace(board, inverted=inverted)
            guesses.append(
                BoardGuess(board=turned, mirrored=mirrored, support=score, text=_words(turned, described, mirrored))
            )
    return guesses


def _with_described_rows(boards: list[Board], described: Board) -> list[Board]:
    """The same boards with the described number of rows: markers that were not seen may make it higher."""
    made = []
    for board in boards:
        try:
            made.append(replace(board, rows=described.rows, legacy=board.legacy and described.rows % 2 == 0))
        except CaptureError:
            continue
    return made


def _shadowed(board: Board, described: Board, equals: list[Board]) -> bool:
    """Whether an equally good candidate is the one to name: the described rows, or else the fewest."""
    if any((other.columns, other.rows) == (described.columns, described.rows) for other in equals):
        return board.rows != described.rows
    return board.rows > min(other.rows for other in equals)


def _unmarked(pictures: list[np.ndarray], described: Board) -> list[BoardGuess]:
    """Checkerboards."""
    sizes: dict[tuple[int, int], int] = {}
    flags = cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_LARGER | cv2.CALIB_CB_NORMALIZE_IMAGE
    for picture in pictures:
        cv2.setRNGSeed(0)
        found, _, meta = cv2.findChessboardCornersSBWithMeta(picture, (3, 3), flags)
        if found and meta is not None and min(meta.shape[:2]) >= 3:
            size = (meta.shape[1] + 1, meta.shape[0] + 1)
            size = (max(size), min(size)) if described.columns >= described.rows else (min(size), max(size))
            sizes[size] = sizes.get(size, 0) + (size[0] - 1) * (size[1] - 1)
    guesses = []
    for (columns, rows), support in sorted(sizes.items(), key=lambda item: -item[1]):
        board = Board(kind="checkerboard", columns=columns, rows=rows, square_m=described.square_m)
        if board.half_turn_shows and not _found(board, pictures) and _found(replace(board, inverted=True), pictures):
            board = replace(board, inverted=True)
        guesses.append(BoardGuess(board=board, mirrored=False, support=support, text=_words(board, described, False)))
    return guesses


def _found(board: Board, pictures: list[np.ndarray]) -> bool:
    detector = BoardDetector(board, one_camera=True)
    return any(detector.detect(picture, camera="guess", instant=0) is not None for picture in pictures)


def _words(board: Board, described: Board, mirrored: bool) -> str:
    """What is seen, and what to do about it."""
    seen = describe(board).replace(f" of {1000 * board.square_m:.6g} mm", "").split(", markers of")[0]
    seen = (
        seen.split(" of ")[0]
        + f" of {board.columns}x{board.rows} "
        + ("tags" if board.kind == "aprilgrid" else "squares")
    )
    if board.kind == "charuco":
        seen += f" of {_family(board.dictionary)}, legacy pattern {'on' if board.legacy else 'off'}"
    elif board.kind == "aprilgrid":
        seen += f" of {_family(board.dictionary)}"
    seen += ", white on black" if board.inverted else ""
    if mirrored:
        return (
            f"this looks like a mirrored {seen}: the camera's pictures are flipped, or the board was printed mirrored; "
            "switch the mirroring off, or print it again"
        )
    if _same(board, described):
        return f"this looks like the {seen} that was described; it is seen too rarely: hold it nearer, flatter, stiller"
    return f"this looks like a {seen}; give {board_flags(board)} (measure the squares: pictures do not tell their size)"


def _same(board: Board, described: Board) -> bool:
    """Whether the descriptions find the same corners."""
    mine, theirs = board.values(), described.values()
    keys = ["kind", "columns", "rows", "inverted"] + (["dictionary"] if board.kind != "checkerboard" else [])
    same = all(mine[key] == theirs[key] for key in keys)
    return same and (board.kind != "charuco" or board.first_is_black == described.first_is_black)


def _family(dictionary: str) -> str:
    return dictionary.rsplit("_", 1)[0] if dictionary.rsplit("_", 1)[1].isdigit() else dictionary


def _nice(square_by_marker: float, described: Board) -> float:
    """The described proportion where it is near enough, otherwise the seen one."""
    own = described.square_m / described.marker_m if described.kind != "checkerboard" else 0.0
    return own if abs(own / square_by_marker - 1) < 0.08 else round(square_by_marker, 2)


def _markers(picture: np.ndarray, dictionary: str, border: int) -> Quads:
    parameters = cv2.aruco.DetectorParameters()
    parameters.markerBorderBits = border
    detector = cv2.aruco.ArucoDetector(marker_dictionary(dictionary), parameters)
    found: dict[int, np.ndarray] = {}
    for brush in (0, 3) if border == 2 else (0,):  # parts tags from the squares that touch them
        seen = cv2.dilate(picture, np.ones((brush, brush), np.uint8)) if brush else picture
        quads, ids, _ = detector.detectMarkers(seen)
        if ids is not None:
            for marker, quad in zip(np.ravel(ids), quads):
                found.setdefault(int(marker), np.reshape(quad, (4, 2)).astype(np.float64))
    return found


def _outlines(picture: np.ndarray) -> int:
    """How many outlines could be markers."""
    detector = cv2.aruco.ArucoDetector(marker_dictionary("DICT_4X4_50"), cv2.aruco.DetectorParameters())
    quads, _, others = detector.detectMarkers(picture)
    return len(quads) + len(others)


def _as(picture: np.ndarray, mirrored: bool, inverted: bool) -> np.ndarray:
    picture = np.ascontiguousarray(picture[:, ::-1]) if mirrored else picture
    return 255 - picture if inverted else picture


def _reduced(picture: np.ndarray) -> np.ndarray:
    scale = LONGEST_SIDE_PX / max(picture.shape)
    return picture if scale >= 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _spread(count: int) -> list[int]:
    return list(dict.fromkeys(np.linspace(0, count - 1, min(count, MOST_PICTURES)).round().astype(int).tolist()))
