"""A calibration board as a value: what was printed, how large, and where its corners are."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import Float, Int
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from capture.errors import CaptureError
from geometry.rigid import rigid, transform

BoardKind = Literal["charuco", "checkerboard", "aprilgrid"]
APRILTAGS = "DICT_APRILTAG_36h11"
"""The tags of Kalibr's AprilGrid."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Board:
    """What a printed board is.

    Board frame: origin at the outer corner of the first square (of an AprilGrid: of the top left tag), x to the right,
    y down, z into the board, away from who reads it; metres. The default is for whole-room rings at 720p: at 2 m a
    marker's modules are 4 pixels wide. Modules of 8.6 mm (9x6 squares of 80 mm, 5x5 bits) are too small there.
    """

    kind: BoardKind = "charuco"
    columns: int = 8
    """Squares (charuco, checkerboard) or tags (aprilgrid) along x."""
    rows: int = 6
    square_m: float = 0.1
    """Side of a square; of an AprilGrid the distance from tag to tag."""
    marker_m: float = 0.075
    """Side of a marker or tag, with its black border; unused by a checkerboard."""
    dictionary: str = "DICT_4X4_50"
    """A predefined dictionary, as OpenCV names it; unused by a checkerboard."""
    legacy: bool = False
    """ChArUco as OpenCV printed it before 4.6: with an even number of rows the first square holds a marker."""
    inverted: bool = False
    """Printed white on black."""
    thickness_m: float = 0.0
    """Of a two-sided board: its back carries the same pattern with the next markers, at z = thickness; 0: one side."""

    def __post_init__(self) -> None:
        """Raises CaptureError on a board that cannot be printed."""
        if self.columns < 2 or self.rows < 2:
            raise CaptureError(f"a board of {self.columns}x{self.rows} squares has no corners; give at least 2x2")
        if not (0 < self.square_m < np.inf and 0 <= self.thickness_m < np.inf):
            raise CaptureError(f"squares of {self.square_m} m, thickness {self.thickness_m} m: no board has these")
        if self.kind == "checkerboard":
            if self.thickness_m:
                raise CaptureError(
                    "a checkerboard's two sides cannot be told apart; take a ChArUco board or an AprilGrid"
                )
            return
        if not 0 < self.marker_m < self.square_m:
            raise CaptureError(
                f"markers of {self.marker_m} m do not fit into squares of {self.square_m} m; make them smaller"
            )
        if not self.dictionary.startswith("DICT_") or not hasattr(cv2.aruco, self.dictionary):
            raise CaptureError(f"no marker dictionary '{self.dictionary}'; give one of OpenCV's, such as DICT_5X5_100")
        if self.kind == "aprilgrid" and not self.dictionary.startswith("DICT_APRILTAG"):
            raise CaptureError(f"an AprilGrid carries AprilTags, not {self.dictionary}; give {APRILTAGS}")
        have, need = len(marker_dictionary(self.dictionary).bytesList), self.markers_per_side * self.sides
        if have < need:
            raise CaptureError(
                f"{self.dictionary} has {have} markers, {self.columns}x{self.rows} squares on {self.sides} side(s) "
                f"need {need}; take a larger dictionary"
            )

    @property
    def sides(self) -> int:
        """How many sides carry the pattern: 1 or 2."""
        return 2 if self.thickness_m > 0 else 1

    @property
    def border_bits(self) -> int:
        """Width of a marker's border in modules; Kalibr's tags have two."""
        return 2 if self.kind == "aprilgrid" else 1

    @property
    def modules(self) -> int:
        """Modules along a marker, its border included."""
        return marker_dictionary(self.dictionary).markerSize + 2 * self.border_bits

    @property
    def size_m(self) -> Float[np.ndarray, "2"]:
        """Width and height from the first square's (or tag's) outer corner to the last one's."""
        count = np.array([self.columns, self.rows], np.float64)
        return (count - 1) * self.square_m + self.marker_m if self.kind == "aprilgrid" else count * self.square_m

    @property
    def middle(self) -> Float[np.ndarray, "3"]:
        """Middle of the front's pattern in the board frame."""
        return np.append(self.size_m / 2, 0.0)

    @property
    def T_board_back(self) -> Float[np.ndarray, "4 4"]:
        """The frame of the back's pattern, as who reads it sees it: turned about the board's vertical."""
        return rigid(np.diag([-1.0, 1.0, -1.0]), np.array([self.size_m[0], 0.0, self.thickness_m]))

    @property
    def corners_per_side(self) -> int:
        """How many of `corners` belong to the front; the back's follow."""
        if self.kind == "aprilgrid":
            return 4 * self.columns * self.rows
        return (self.columns - 1) * (self.rows - 1)

    @cached_property
    def corners(self) -> Float[np.ndarray, "corners 3"]:
        """Every corner that can be found, in the order of their ids, board frame, metres.

        Inner corners row by row, as OpenCV numbers them. Of an AprilGrid four a tag, by tag: top left, top right,
        bottom right, bottom left. The corners of a back follow in the same order as seen from behind.
        """
        if self.kind == "aprilgrid":
            flat = self.marker_corners.reshape(-1, 3)
        else:
            x, y = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
            flat = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], -1) * self.square_m
        both = flat if self.sides == 1 else np.concatenate([flat, transform(self.T_board_back, flat)])
        both.flags.writeable = False
        return both

    @property
    def markers_per_side(self) -> int:
        """Markers or tags on one side."""
        if self.kind == "aprilgrid":
            return self.columns * self.rows
        return 0 if self.kind == "checkerboard" else self.columns * self.rows // 2

    def marker_ids(self, side: int = 0) -> Int[np.ndarray, "markers"]:
        """Their numbers in the dictionary; side 0 is the front, 1 the back."""
        return np.arange(self.markers_per_side) + side * self.markers_per_side

    @cached_property
    def marker_corners(self) -> Float[np.ndarray, "markers 4 3"]:
        """Of each marker of a side, in that side's frame: top left, top right, bottom right, bottom left.

        ChArUco numbers them row by row from the top; an AprilGrid, as Kalibr prints it, from the bottom.
        """
        j, i = (a.ravel() for a in np.mgrid[: self.rows, : self.columns])
        if self.kind == "aprilgrid":
            j = self.rows - 1 - j
            low = np.stack([i, j], -1) * self.square_m
        else:
            white = (i + j) % 2 == (1 if self.first_is_black else 0)
            low = np.stack([i, j], -1)[white] * self.square_m + (self.square_m - self.marker_m) / 2
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * self.marker_m
        corners = low[:, None] + square
        return np.concatenate([corners, np.zeros((*corners.shape[:2], 1))], -1)

    @property
    def first_is_black(self) -> bool:
        """Whether the top left square is one without a marker (before an inversion: a black one)."""
        return not (self.kind == "charuco" and self.legacy and self.rows % 2 == 0)

    @property
    def half_turn_shows(self) -> bool:
        """Whether the board looks different upside down. A checkerboard of odd by odd or even by even squares does
        not: nobody can say which of its corners is the first."""
        return self.kind != "checkerboard" or (self.columns + self.rows) % 2 == 1

    def values(self) -> dict[str, Any]:
        """Its fields, fit for JSON and TOML."""
        return asdict(self)


def marker_dictionary(name: str) -> Any:
    """OpenCV's cv2.aruco.Dictionary of a name such as DICT_5X5_100."""
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
