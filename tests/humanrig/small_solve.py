"""A rig of four colour cameras, solved from a board that stood at forty places before them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardTake, BoardView
from calibration.rig_solve.result import RigSolve
from calibration.rig_solve.solve import solve_rig
from capture.board import Board
from geometry.camera import Camera
from geometry.rigid import look_at, rigid, transform

SIGMA_PX = 0.1


@dataclass(frozen=True)
class SmallSolve:
    """What the factory said of the cameras, and the solve."""

    known: dict[str, Camera]
    solve: RigSolve


def small_solve(seed: int = 0) -> SmallSolve:
    """Cameras on a quarter of a ring, so that boards are seen by several; factory focal lengths are off by 0.3 %."""
    rng, board = np.random.default_rng(seed), Board()
    truth = {}
    for index in range(4):
        angle = np.deg2rad(-45 + 30 * index)
        name, eye = f"kinect_{index:03d}/color", 2.2 * np.array([np.cos(angle), np.sin(angle), 0]) + [0, 0, 1.2]
        K = np.array([[610.0, 0, 640], [0, 610, 360], [0, 0, 1]])
        T = look_at(eye, np.array([0.0, 0, 1.0]))
        truth[name] = Camera(name=name, K=K, width=1280, height=720, T_world_camera=T)
    views = []
    for instant in range(40):
        p = rng.uniform([-0.4, -0.5, 0.6], [0.6, 0.5, 1.4])
        tilt = Rotation.from_rotvec(rng.uniform(-0.6, 0.6, 3)).as_matrix()
        R = look_at(np.array([3.0, 0, 1.1]), p)[:3, :3] @ tilt
        T_world_board = rigid(R, p - R @ board.middle)
        for name, camera in truth.items():
            q = camera.project(transform(T_world_board, board.corners)) + rng.normal(
                0, SIGMA_PX, (len(board.corners), 2)
            )
            ids = np.flatnonzero(((q > 5) & (q < [1275, 715])).all(-1))
            if len(ids) >= 8:
                views.append(BoardView(camera=name, instant=instant, ids=ids, q=q[ids], sigma_px=SIGMA_PX))
    take = BoardTake(board=board, views=tuple(views), image_sizes={name: (1280, 720) for name in truth})
    known = {
        name: replace(c, T_world_camera=np.eye(4), K=np.diag([1 + f, 1 + f, 1]) @ c.K)
        for (name, c), f in zip(truth.items(), rng.normal(0, 0.003, 4))
    }
    return SmallSolve(known=known, solve=solve_rig(take, known))
