"""Where all cameras, lenses and boards of a bundle problem are, and how small steps move them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.spatial.transform import Rotation

from calibration.bundle.layout import Layout, start_own
from calibration.bundle.problem import BundleProblem

CAMERA_NUMBERS = 20
"""Of a camera: its rotation (3, own axes), its centre (3, world axes), its lens (12, order of INTRINSICS),
offset and readout of its exposure (seconds)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class State:
    """The unknowns. Steps turn a camera to R Exp(w), w in its own axes, and move its centre; a board likewise."""

    R_world_camera: Float[np.ndarray, "cameras 3 3"]
    center: Float[np.ndarray, "cameras 3"]
    own: Float[np.ndarray, "cameras 14"]
    """Lens, offset and readout."""
    R_world_board: Float[np.ndarray, "boards 3 3"]
    t_world_board: Float[np.ndarray, "boards 3"]

    def moved(
        self, layout: Layout, camera_step: Float[np.ndarray, "cameras 20"], board_step: Float[np.ndarray, "boards 6"]
    ) -> State:
        """The state after a step; cameras of rigid groups follow their root exactly."""
        return _follow_roots(
            State(
                R_world_camera=self.R_world_camera @ _turn(camera_step[:, :3]),
                center=self.center + camera_step[:, 3:6],
                own=self.own + camera_step[:, 6:],
                R_world_board=self.R_world_board @ _turn(board_step[:, :3]),
                t_world_board=self.t_world_board + board_step[:, 3:],
            ),
            layout,
        )


def start_state(problem: BundleProblem, layout: Layout) -> State:
    """The state a problem begins with."""
    T_world_camera = np.array([start.camera.T_world_camera for start in problem.cameras.values()])
    T_world_board = np.array([problem.T_world_board[instant] for instant in layout.instants])
    return _follow_roots(
        State(
            R_world_camera=T_world_camera[:, :3, :3].copy(),
            center=T_world_camera[:, :3, 3].copy(),
            own=start_own(problem, layout),
            R_world_board=T_world_board[:, :3, :3].copy(),
            t_world_board=T_world_board[:, :3, 3].copy(),
        ),
        layout,
    )


def free_numbers(state: State, layout: Layout) -> sparse.csr_array:
    """How the cameras' 20 numbers each follow the free ones: (20 cameras, free).

    Free are the poses of all roots but the held one, and the own numbers without sigma 0. A camera b in a rigid group
    turns by R_root_b^T w and its centre moves by c - R_world_root [t_root_b]x w with its root's (w, c).
    """
    rows, columns, values = [], [], []
    width = 0
    column_of_root = {}
    for root in np.unique(layout.root):
        if root != layout.held:
            column_of_root[int(root)] = width
            width += 6
    for camera, root in enumerate(layout.root.tolist()):
        first = CAMERA_NUMBERS * camera
        if root in column_of_root:
            follow = np.eye(6)
            if root != camera:
                follow[:3, :3] = layout.T_root_camera[camera, :3, :3].T
                follow[3:, :3] = -state.R_world_camera[root] @ cross_matrix(layout.T_root_camera[camera, :3, 3])
            r, c = np.nonzero(follow)
            rows.append(first + r)
            columns.append(column_of_root[root] + c)
            values.append(follow[r, c])
        own = np.flatnonzero(layout.own_free[camera])
        rows.append(first + 6 + own)
        columns.append(width + np.arange(len(own)))
        values.append(np.ones(len(own)))
        width += len(own)
    index = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array((np.concatenate(values), index), shape=(CAMERA_NUMBERS * len(layout.names), width))


def cross_matrix(v: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """[v]x: v × p = [v]x p."""
    x, y, z = np.moveaxis(v, -1, 0)
    o = np.zeros_like(x)
    return np.stack([np.stack([o, -z, y], -1), np.stack([z, o, -x], -1), np.stack([-y, x, o], -1)], -2)


def _turn(rotvec: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(rotvec).as_matrix()


def _follow_roots(state: State, layout: Layout) -> State:
    for camera, root in enumerate(layout.root.tolist()):
        if root != camera:
            T_root_camera = layout.T_root_camera[camera]
            state.R_world_camera[camera] = state.R_world_camera[root] @ T_root_camera[:3, :3]
            state.center[camera] = state.center[root] + state.R_world_camera[root] @ T_root_camera[:3, 3]
    return state
