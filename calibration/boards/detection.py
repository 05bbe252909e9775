"""Finds a described board in one image."""

from __future__ import annotations

from typing import Any

import numpy as np

from calibration.board_view import BoardView
from calibration.boards.aprilgrid import find_aprilgrid
from calibration.boards.charuco import find_charuco
from calibration.boards.checkerboard import find_checkerboard
from calibration.boards.grey_image import grey_image
from calibration.errors import CalibrationError
from capture.board import Board

LEAST_CORNERS = 6
"""Fewer corners place a board badly, and are more often false."""
FINDERS = {"charuco": find_charuco, "checkerboard": find_checkerboard, "aprilgrid": find_aprilgrid}


class BoardDetector:
    """Finds one board in images of any camera."""

    def __init__(self, board: Board, *, one_camera: bool = False) -> None:
        """`one_camera` allows a checkerboard that looks the same upside down: each image then chooses its first corner,
        which is enough for one camera's lens and not for a rig. Raises CalibrationError for such a board otherwise."""
        if not board.half_turn_shows and not one_camera:
            raise CalibrationError(
                f"a checkerboard of {board.columns}x{board.rows} squares looks the same upside down, so cameras cannot "
                "agree on its first corner; use one of odd by even squares, or a ChArUco board"
            )
        self.board = board

    def detect(self, image: Any, *, camera: str, instant: int) -> BoardView | None:
        """The board in a grey or RGB image of 8 bits or an infrared one of 16; None where it is not seen.

        `camera` is the name that the view gets. Raises CalibrationError for an image of another type.
        """
        grey = grey_image(image, inverted=self.board.inverted)
        ids, q = FINDERS[self.board.kind](self.board, grey.search)
        if len(ids) < min(LEAST_CORNERS, self.board.corners_per_side):
            return None
        order = np.argsort(ids)
        return BoardView(camera=camera, instant=instant, ids=ids[order], q=q[order])
