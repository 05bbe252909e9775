"""Cameras without a view of the board, placed by their device: the factory says where they are from their sibling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from calibration.bundle.problem import DevicePair
from calibration.pose_covariance import PoseCovariance
from geometry.camera import Camera
from geometry.rigid import inverse


def add_siblings(
    cameras: Mapping[str, Camera],
    covariance: PoseCovariance,
    known: Mapping[str, Camera],
    pairs: Sequence[DevicePair],
) -> tuple[dict[str, Camera], PoseCovariance]:
    """The cameras and those that `pairs` hang on them, with the covariance of all.

    Of a sibling at T_a_b with the factory's error n: w_b = R_a_b^T w_a + n_w, and its centre moves with a's centre and
    with a's turn.
    """
    placed, matrix, names = dict(cameras), covariance.matrix, list(covariance.cameras)
    for pair in (*pairs, *(_turned(pair) for pair in pairs)):
        if pair.a not in placed or pair.b in placed or pair.b not in known:
            continue
        T_world_a = placed[pair.a].T_world_camera
        placed[pair.b] = known[pair.b].at(T_world_a @ pair.T_a_b)
        by_a = np.zeros((6, 6))
        by_a[:3, :3] = pair.T_a_b[:3, :3].T
        by_a[3:, :3] = -T_world_a[:3, :3] @ _cross(pair.T_a_b[:3, 3])
        by_a[3:, 3:] = np.eye(3)
        rows = by_a @ matrix[6 * names.index(pair.a) :][:6]
        own = rows[:, 6 * names.index(pair.a) :][:, :6] @ by_a.T
        own += np.diag([pair.sigma_rad**2] * 3 + [pair.sigma_m**2] * 3)
        matrix = np.block([[matrix, rows.T], [rows, own]])
        names.append(pair.b)
    return placed, PoseCovariance(cameras=tuple(names), matrix=matrix, gauge=covariance.gauge)


def _turned(pair: DevicePair) -> DevicePair:
    """The pair with its cameras exchanged; the arm between them, centimetres, adds nothing to its sigma."""
    return DevicePair(a=pair.b, b=pair.a, T_a_b=inverse(pair.T_a_b), sigma_rad=pair.sigma_rad, sigma_m=pair.sigma_m)


def _cross(v: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    x, y, z = v
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
