"""How far off a camera sees what stands in the middle of the volume: its place and its lens err together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from calibration.bundle.problem import BundleSolution
from geometry.camera import Camera
from geometry.distortion import distort, distortion_jacobian
from geometry.rigid import transform

_STEP = 1e-6


def body_covariance(solution: BundleSolution, p_world: Float[np.ndarray, "3"]) -> dict[str, Float[np.ndarray, "3 3"]]:
    """By camera: covariance, square metres, of where it sees a point that it would see at `p_world`, at its distance.

    Of a turn and a principal point that err together, only what they leave counts. After the best rigid alignment of
    all centres. Cameras that cannot see the point are missing, and all where the solution has no joint covariance.
    """
    joint = solution.joint_covariance
    if joint is None:
        return {}
    names = solution.covariance.cameras
    keep = _keep(solution.cameras, names)
    blocks = joint.reshape(len(names), 18, len(names), 18)
    places = blocks[:, :6, :, :6].reshape(6 * len(names), -1)
    found = {}
    for n, name in enumerate(names):
        camera = solution.cameras[name]
        p = transform(camera.T_camera_world, p_world)
        if not np.isfinite(camera.project_camera(p)).all():
            continue
        place = keep[6 * n : 6 * n + 6]
        with_lens = place @ blocks[:, :6, n, 6:].reshape(-1, 12)
        own = np.block([[place @ places @ place.T, with_lens], [with_lens.T, blocks[n, 6:, n, 6:]]])
        J = _seen_by(camera, p)
        found[name] = J @ own @ J.T
    return found


def _seen_by(camera: Camera, p: np.ndarray) -> np.ndarray:
    """(3, 18) how the seen place of a point, p in the camera's frame, follows the camera's 18 numbers."""
    x, y, z = p
    R = camera.T_world_camera[:3, :3]
    by_turn = -R @ np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    xy = p[:2] / z
    f = np.diag(camera.K)[:2]
    by_xy = f[:, None] * distortion_jacobian(xy[None], camera.distortion)[0]
    bent = distort(xy[None], camera.distortion)[0]
    by_lens = np.zeros((2, 12))
    by_lens[:, :2], by_lens[:, 2:4] = np.diag(bent), np.eye(2)
    for k in range(8):
        step = np.eye(8)[k] * _STEP
        by_lens[:, 4 + k] = f * (distort(xy[None], camera.distortion + step)[0] - bent) / _STEP
    moved = -np.linalg.solve(by_xy, by_lens)
    return np.concatenate([by_turn, np.eye(3), z * R[:, :2] @ moved], axis=1)


def _keep(cameras: Mapping[str, Camera], names: tuple[str, ...]) -> np.ndarray:
    """What the best rigid alignment of the centres leaves of errors (w, c) of all cameras, as a matrix."""
    centers = np.array([cameras[name].center for name in names])
    by_motion = np.zeros((6 * len(names), 6))
    for n, (name, (x, y, z)) in enumerate(zip(names, centers - centers.mean(0), strict=True)):
        by_motion[6 * n : 6 * n + 3, :3] = cameras[name].T_world_camera[:3, :3].T
        by_motion[6 * n + 3 : 6 * n + 6, :3] = [[0, z, -y], [-z, 0, x], [y, -x, 0]]
        by_motion[6 * n + 3 : 6 * n + 6, 3:] = np.eye(3)
    keep = np.eye(len(by_motion))
    rows = (6 * np.arange(len(names))[:, None] + np.arange(3, 6)).ravel()
    keep[:, rows] -= by_motion @ np.linalg.pinv(by_motion[rows], rcond=1e-9)
    return keep
