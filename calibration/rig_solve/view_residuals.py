"""How corners of one view miss their prediction, and how that changes when the camera or the board moves a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from geometry.camera import Camera
from geometry.distortion import distortion_jacobian
from geometry.rigid import from_rotvec, transform

LEAST_SIGMA_PX = 1e-3
"""A view that claims more is not believed."""
ROBUST_SIGMAS = 3.0
"""Residuals beyond this many standard deviations count less (Huber)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ViewResiduals:
    """One view, linearised. A small motion (w, v) turns the world by Exp(w) about `about` and shifts it by v."""

    px: Float[np.ndarray, "corners 2"]
    """Found less predicted."""
    by_motion: Float[np.ndarray, "corners 2 6"]
    """Derivative of the prediction by a motion of the board; by one of the camera it is the negative."""
    sigma_px: float

    @property
    def weights(self) -> Float[np.ndarray, "corners"]:
        """Inverse variances, less for corners far off."""
        size = np.linalg.norm(self.px, axis=-1) / self.sigma_px
        return np.minimum(1.0, ROBUST_SIGMAS / np.maximum(size, 1e-9)) / self.sigma_px**2

    def normal(self, weights: Float[np.ndarray, "corners"]) -> tuple[np.ndarray, np.ndarray]:
        """Information matrix (6, 6) and right-hand side (6,) of the motion of the board that the view asks for."""
        J = self.by_motion
        return np.einsum("nki,n,nkj->ij", J, weights, J), np.einsum("nki,n,nk->i", J, weights, self.px)


def view_residuals(
    camera: Camera,
    p_board: Float[np.ndarray, "corners 3"],
    T_world_board: Float[np.ndarray, "4 4"],
    view: BoardView,
    about: Float[np.ndarray, "3"],
) -> ViewResiduals | None:
    """The view's residuals at a place of the board; None where a corner would be behind the camera or off its lens."""
    p_world = transform(T_world_board, p_board[view.ids])
    p = transform(camera.T_camera_world, p_world)
    q = camera.project_camera(p)
    if not np.isfinite(q).all():
        return None
    xy = p[:, :2] / p[:, 2:]
    to_plane = np.zeros((len(p), 2, 3))
    to_plane[:, 0, 0] = to_plane[:, 1, 1] = 1 / p[:, 2]
    to_plane[:, :, 2] = -xy / p[:, 2:]
    by_point = camera.K[:2, :2] @ distortion_jacobian(xy, camera.distortion) @ to_plane @ camera.T_camera_world[:3, :3]
    arm = p_world - about
    by_turn = np.cross(arm[:, None], by_point)  # p' = p + w x arm; a.(w x arm) = w.(arm x a)
    return ViewResiduals(
        px=view.q - q, by_motion=np.concatenate([by_turn, by_point], -1), sigma_px=max(view.sigma_px, LEAST_SIGMA_PX)
    )


def moved_by(
    motion: Float[np.ndarray, "6"], about: Float[np.ndarray, "3"], T: Float[np.ndarray, "4 4"]
) -> Float[np.ndarray, "4 4"]:
    """T_world_x after the motion."""
    step = from_rotvec(motion[:3], motion[3:])
    step[:3, 3] += about - step[:3, :3] @ about
    return step @ T


def refine_board(
    cameras: dict[str, Camera],
    p_board: Float[np.ndarray, "corners 3"],
    views: Sequence[BoardView],
    T_world_board: Float[np.ndarray, "4 4"],
    iterations: int = 8,
) -> Float[np.ndarray, "4 4"] | None:
    """The place of a board that fits its views best, cameras as they are; None where it runs behind a camera."""
    for _ in range(iterations):
        about = transform(T_world_board, p_board.mean(0))
        H, g = np.zeros((6, 6)), np.zeros(6)
        for view in views:
            one = view_residuals(cameras[view.camera], p_board, T_world_board, view, about)
            if one is None:
                return None
            H_view, g_view = one.normal(one.weights)
            H, g = H + H_view, g + g_view
        step = np.linalg.solve(H + 1e-9 * np.diag(np.diag(H)) + 1e-12 * np.eye(6), g)
        T_world_board = moved_by(step, about, T_world_board)
        if np.linalg.norm(step) < 1e-8:
            break
    return T_world_board
