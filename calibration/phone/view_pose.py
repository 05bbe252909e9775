"""What one view of a board says of the place of its camera, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardView
from calibration.rig_solve.single_view import place_view
from geometry.camera import Camera
from geometry.distortion import distortion_jacobian
from geometry.rigid import inverse, rigid, transform

FEWEST_CORNERS = 6
LEAST_SIGMA_PX = 0.1
"""Detectors reach 0.03 px, lenses are not known that well."""
SHUTTER_S = 0.003
"""Rows of a moving board are exposed this much apart: a readout of 10 to 20 ms over the third of the picture that it
covers."""
BEHIND = 1e6
"""Sigmas of a board behind the camera."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ViewPose:
    """A camera's place, from a view of the board."""

    Ts_board_camera: tuple[Float[np.ndarray, "4 4"], ...]
    """One, or two that fit alike; the better first."""
    covariances: tuple[Float[np.ndarray, "6 6"], ...]
    """Of each: rotation and centre, camera axes."""
    rms_px: float
    """Along an axis, of the first."""


def view_pose(camera: Camera, corners: Float[np.ndarray, "corners 3"], view: BoardView) -> ViewPose | None:
    """None where a view has too few corners, or they run as in a mirror.

    The covariance is that of the corners' residuals, which are larger than the detector's noise where the lens is not
    quite what the phone says.
    """
    if len(view.ids) < FEWEST_CORNERS:
        return None
    placed = place_view(camera, corners, view)
    if placed is None or placed.mirrored:
        return None
    p_board, sigma = corners[placed.view.ids], max(placed.rms_px, believed_sigma_px(view))
    covariances = []
    for T_camera_board in placed.Ts_camera_board:
        p = transform(T_camera_board, p_board)
        J = np.concatenate([pixel_jacobian(camera, p) @ cross(p), -pixel_jacobian(camera, p)], -1).reshape(-1, 6)
        covariances.append(sigma**2 * np.linalg.inv(J.T @ J))
    return ViewPose(
        Ts_board_camera=tuple(inverse(T) for T in placed.Ts_camera_board),
        covariances=tuple(covariances),
        rms_px=placed.rms_px,
    )


def believed_sigma_px(view: BoardView) -> float:
    """Standard deviation of corners with what all of a view share: the lens, and the shutter of a moving one."""
    speed = 0.0 if view.velocity is None else float(np.median(np.linalg.norm(view.velocity, axis=-1)))
    return float(np.hypot(max(view.sigma_px, LEAST_SIGMA_PX), SHUTTER_S * np.nan_to_num(speed)))


def board_information(
    camera: Camera, p_board: Float[np.ndarray, "n 3"], view: BoardView, T_world_board: Float[np.ndarray, "4 4"]
) -> tuple[Float[np.ndarray, "6 6"], Float[np.ndarray, "6"], float]:
    """Information and gradient of a board's place (rotation about its origin, world axes; origin) from one view, and
    how many sigmas its corners are off, root mean square."""
    p_world = transform(T_world_board, p_board)
    p = transform(camera.T_camera_world, p_world)
    q = camera.project_camera(p)
    good = np.isfinite(q).all(-1) & (p[:, 2] > 0)
    if not good.any():
        return np.zeros((6, 6)), np.zeros(6), BEHIND
    sigma_px = believed_sigma_px(view)
    r = (q[good] - view.q[good]) / sigma_px
    A = pixel_jacobian(camera, p[good]) @ camera.T_camera_world[:3, :3] / sigma_px
    J = np.concatenate([-A @ cross(p_world[good] - T_world_board[:3, 3]), A], -1)
    off = float(np.sqrt((r**2).mean())) if good.all() else BEHIND
    return np.einsum("nki,nkj->ij", J, J), np.einsum("nki,nk->i", J, r), off


def pixel_jacobian(camera: Camera, p: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2 3"]:
    """d pixel / d point, of points in the camera frame."""
    xy = p[:, :2] / p[:, 2:]
    to_plane = np.zeros((len(p), 2, 3))
    to_plane[:, 0, 0] = to_plane[:, 1, 1] = 1 / p[:, 2]
    to_plane[:, :, 2] = -xy / p[:, 2:]
    return camera.K[:2, :2] @ distortion_jacobian(xy, camera.distortion) @ to_plane


def cross(v: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3 3"]:
    """[v]x: cross(v) @ w is the cross product of v and w."""
    out = np.zeros((*v.shape, 3))
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = -v[..., 2], v[..., 1], -v[..., 0]
    return out - np.swapaxes(out, -1, -2)


def log_of(T: Float[np.ndarray, "*n 4 4"]) -> Float[np.ndarray, "*n 6"]:
    """Rotation vector and translation."""
    turn = Rotation.from_matrix(T[..., :3, :3].reshape(-1, 3, 3)).as_rotvec().reshape(T.shape[:-2] + (3,))
    return np.concatenate([turn, T[..., :3, 3]], -1)


def turned(
    T: Float[np.ndarray, "*n 4 4"], twist: Float[np.ndarray, "*n 6"], about: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "*n 4 4"]:
    """Transforms moved in their outer frame: turned about a point, then shifted."""
    R = Rotation.from_rotvec(twist[..., :3].reshape(-1, 3)).as_matrix().reshape(twist.shape[:-1] + (3, 3))
    shift = (R @ (T[..., :3, 3] - about)[..., None])[..., 0] + twist[..., 3:]
    return rigid(R @ T[..., :3, :3], about + shift)
