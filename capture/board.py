"""A calibration board as a value: what was printed, how large, and where its corners are."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import Float
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from capture.errors import CaptureError

BoardKind = Literal["charuco", "checkerboard", "aprilgrid"]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Board:
    """What a printed board is.

    Board frame: origin at the outer corner of the first square, x to the right, y down, z into the board, away from
    who reads it; metres. The default is for whole-room rings at 720p.
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
        if self.square_m <= 0 or self.thickness_m < 0:
            raise CaptureError(f"squares of {self.square_m} m, thickness {self.thickness_m} m: no board has these")
        if self.kind == "checkerboard":
            return
        if not 0 < self.marker_m < self.square_m:
            raise CaptureError(
                f"markers of {self.marker_m} m do not fit into squares of {self.square_m} m; make them smaller"
            )
        if not self.dictionary.startswith("DICT_") or not hasattr(cv2.aruco, self.dictionary):
            raise CaptureError(f"no marker dictionary '{self.dictionary}'; give one of OpenCV's, such as DICT_5X5_100")

    @cached_property
    def corners(self) -> Float[np.ndarray, "corners 3"]:
        """Every corner that can be found, in the order of their ids, board frame, metres.

        Inner corners row by row, as OpenCV numbers them; of an AprilGrid the four corners of each tag.
        """
        if self.kind == "aprilgrid":
            raise NotImplementedError
        x, y = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        flat = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], -1) * self.square_m
        return flat

    @property
    def middle(self) -> Float[np.ndarray, "3"]:
        """Middle of the pattern in the board frame."""
        return np.array([self.columns, self.rows, 0.0]) * self.square_m / 2

    def values(self) -> dict[str, Any]:
        """Its fields, fit for JSON and TOML."""
        return asdict(self)
