"""The floor plane from a board that was laid on it, printed side up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from calibration.errors import CalibrationError
from calibration.world.floor_plane import FloorPlane
from capture.board import Board
from geometry.rigid import transform

LEVEL = np.cos(np.deg2rad(20.0))
"""The board's face looks up within this angle of the direction that is believed to be the vertical, known from how the
cameras are mounted."""
SAME_HEIGHT_M = 0.015
SAME_TILT = np.cos(np.deg2rad(1.5))
"""Placements that differ by less than this from the lowest are the same floor: a board's pose is good to some
millimetres and tenths of a degree, floors are even to some millimetres."""


def floor_from_board(
    board: Board,
    T_world_board: Mapping[int, Float[np.ndarray, "4 4"]],
    up: Float[np.ndarray, "3"],
    above_floor_m: float = 0.0,
) -> FloorPlane:
    """The floor below the lowest placements in which the board lies level, face up.

    above_floor_m: how thick the board is, if that matters. Raises CalibrationError when it never lies level.
    """
    lying = [T_world_board[instant] for instant in lying_on_floor(board, T_world_board, up)]
    if not lying:
        raise CalibrationError(
            f"the board never lies level in its {len(T_world_board)} placements, so it shows no floor; "
            "lay it on the floor, face up, at the end of the take, or take the floor from depth"
        )
    count = len(lying)
    faces = -np.stack([T[:3, 2] for T in lying])
    normal = faces.mean(0)
    normal /= np.linalg.norm(normal)
    heights = np.stack([transform(T, board.middle) for T in lying]) @ normal
    tilts = np.linalg.norm(faces - normal, axis=1)
    return FloorPlane(
        normal=normal,
        offset_m=float(above_floor_m - heights.mean()),
        source="a board on the floor",
        sigma_m=float(heights.std(ddof=1) / np.sqrt(count)) if count > 1 else float("nan"),
        sigma_rad=float(np.sqrt((tilts**2).sum() / 2 / (count - 1) / count)) if count > 1 else float("nan"),
        points=count,
        rms_m=float(heights.std()),
    )


def lying_on_floor(
    board: Board, T_world_board: Mapping[int, Float[np.ndarray, "4 4"]], up: Float[np.ndarray, "3"]
) -> tuple[int, ...]:
    """The instants at which the board lies on the floor: level, face up, and as low as the lowest of these."""
    up = up / np.linalg.norm(up)
    level = [i for i, T in T_world_board.items() if -T[:3, 2] @ up > LEVEL]
    if not level:
        return ()
    middles = np.stack([transform(T_world_board[i], board.middle) for i in level])
    faces = -np.stack([T_world_board[i][:3, 2] for i in level])
    lowest = int((middles @ up).argmin())
    above = (middles - middles[lowest]) @ faces[lowest]
    on = (np.abs(above) < SAME_HEIGHT_M) & (faces @ faces[lowest] > SAME_TILT)
    return tuple(instant for instant, lies in zip(level, on) if lies)
