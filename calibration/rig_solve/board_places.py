"""Where the board was at each instant, to begin with: the place that most single views agree on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from calibration.rig_solve.pair_graph import AGREE_M, apart
from calibration.rig_solve.single_view import PlacedView
from geometry.camera import Camera
from geometry.rigid import rigid


def place_boards(
    cameras: Mapping[str, Camera], middle: Float[np.ndarray, "3"], placed: Sequence[PlacedView]
) -> dict[int, Float[np.ndarray, "4 4"]]:
    """T_world_board by instant, from views of cameras that are placed themselves.

    Of all views' answers the one nearest to the others, and the mean of its like, taken about the board's middle.
    """
    by_instant: dict[int, list[np.ndarray]] = defaultdict(list)
    for one in placed:
        if one.view.camera in cameras:
            T_world_camera = cameras[one.view.camera].T_world_camera
            by_instant[one.view.instant].extend(T_world_camera @ T for T in one.Ts_camera_board)
    return {instant: _agreed(np.array(by_instant[instant]), middle) for instant in sorted(by_instant)}


def _agreed(Ts_world_board: np.ndarray, middle: np.ndarray) -> np.ndarray:
    p_middle = Ts_world_board[:, :3, :3] @ middle + Ts_world_board[:, :3, 3]
    between = apart(rigid(Ts_world_board[:, :3, :3], p_middle))
    best = int(np.minimum(between, AGREE_M).sum(1).argmin())
    near = between[best] < AGREE_M
    R = Rotation.from_matrix(Ts_world_board[near, :3, :3]).mean().as_matrix()
    return rigid(R, np.median(p_middle[near], axis=0) - R @ middle)
