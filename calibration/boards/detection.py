"""Finds a described board in one image."""

from __future__ import annotations

from typing import Any

import numpy as np

from calibration.board_view import BoardView
from calibration.boards.aprilgrid import find_aprilgrid
from calibration.boards.charuco import find_charuco
from calibration.boards.checkerboard import find_checkerboard
from calibration.boards.grey_image import grey_image
from calibration.boards.refinement import measure_corners
from calibration.errors import CalibrationError
from capture.board import Board

LEAST_CORNERS = 6
"""Fewer corners place a board badly, and are more often false."""
SIGMA_FACTOR, SIGMA_FLOOR_PX = 1.6, 0.02
"""From what the fits tell to what corners really scatter. In simulated 720p pictures of a carried board (lens
blur, noise, JPEG, one sample a pixel) fits tell 0.016 and 0.020 px, corners scatter by 0.032 and 0.037 px about where
the truth, moved as a whole, has them; neighbouring pixels of a JPEG do not err on their own."""
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
        if len(ids) < 4:
            return None
        side = int(ids[0]) // self.board.corners_per_side
        first = side * self.board.corners_per_side
        found = measure_corners(self.board, grey.levels, ids - first, q)
        if len(found.ids) < min(LEAST_CORNERS, self.board.corners_per_side):
            return None
        sigma_px = float(np.hypot(SIGMA_FACTOR * np.sqrt(np.mean(found.sigma_px**2)), SIGMA_FLOOR_PX))
        return BoardView(camera=camera, instant=instant, ids=found.ids + first, q=found.q, sigma_px=sigma_px)
