"""Where a board stands before one camera whose lens is known."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from geometry.camera import Camera
from geometry.rigid import from_rotvec

FEWEST_CORNERS = 6
"""A plane's place has six numbers, four corners fix it; two more show whether it fits."""


def board_before(
    camera: Camera, corners: Float[np.ndarray, "corners 3"], view: BoardView
) -> Float[np.ndarray, "4 4"] | None:
    """T_camera_board from one view of a plane; None where the corners do not determine it.

    Of the two places that a plane may have, the one with the smaller error (IPPE, Collins and Bartoli 2014), then least
    squares. `corners` are the board's, `view.ids` says which were seen.
    """
    if len(view.ids) < FEWEST_CORNERS:
        return None
    p_board = corners[view.ids]
    xy = camera.normalize(view.q)
    seen = np.isfinite(xy).all(-1)
    flat = p_board[seen]
    if seen.sum() < FEWEST_CORNERS or np.linalg.matrix_rank(flat - flat.mean(0), tol=1e-6) < 2:
        return None
    K, f = np.eye(3), float(camera.K[0, 0])
    try:
        count, rotvecs, shifts, _ = cv2.solvePnPGeneric(flat, xy[seen], K, None, flags=cv2.SOLVEPNP_IPPE)
        if not count:
            return None
        rotvec, shift = cv2.solvePnPRefineLM(flat, xy[seen] * f, np.diag([f, f, 1.0]), None, rotvecs[0], shifts[0])
    except cv2.error:
        return None
    if not np.isfinite(rotvec).all() or not np.isfinite(shift).all() or shift[2] <= 0:
        return None
    return from_rotvec(rotvec.ravel(), shift.ravel())


def mirrored(T_camera_board: Float[np.ndarray, "4 4"], p_board: Float[np.ndarray, "corners 3"]) -> bool:
    """Whether corners on the board's front (z = 0) are seen from behind, or those of its back from the front.

    A mirrored print or image fits a place like that exactly: a plane's picture does not say which side it shows.
    """
    towards = float(T_camera_board[:3, 2] @ (T_camera_board[:3, :3] @ p_board.mean(0) + T_camera_board[:3, 3]))
    return towards < 0 if abs(p_board[:, 2]).max() == 0 else towards > 0
