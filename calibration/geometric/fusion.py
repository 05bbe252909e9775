"""Two statements about the same cameras made one: a calibration with its covariance, and the surfaces' information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation
from scipy.stats import chi2, norm

from calibration.pose_covariance import PoseCovariance
from geometry.camera import Camera
from geometry.rigid import from_rotvec, inverse

WORLD_RAD, WORLD_M = 1.0, 1.0
"""Deviations of the world itself, which neither statement knows: so wide that nothing is held by it."""
LOOSE_RAD, LOOSE_M = np.deg2rad(3.0), 0.1
"""Deviations of a camera whose given place nobody vouches for."""


def tangent(T_from: Float[np.ndarray, "4 4"], T_to: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "6"]:
    """The six numbers of PoseCovariance that lead from one place of a camera to another."""
    turn = Rotation.from_matrix((inverse(T_from) @ T_to)[:3, :3]).as_rotvec()
    return np.concatenate([turn, T_to[:3, 3] - T_from[:3, 3]])


def moved_by(T: Float[np.ndarray, "4 4"], six: Float[np.ndarray, "6"]) -> Float[np.ndarray, "4 4"]:
    """The place that six numbers lead to."""
    moved = T @ from_rotvec(six[:3], np.zeros(3))
    moved[:3, 3] = T[:3, 3] + six[3:]
    return moved


def by_world_motion(cameras: Sequence[Camera]) -> Float[np.ndarray, "six_cameras 6"]:
    """How the numbers of all cameras change when the whole rig is turned about the world's origin, and moved."""
    motion = np.zeros((6 * len(cameras), 6))
    for n, camera in enumerate(cameras):
        x, y, z = camera.center
        motion[6 * n : 6 * n + 3, :3] = camera.T_world_camera[:3, :3].T
        motion[6 * n + 3 : 6 * n + 6, :3] = [[0, z, -y], [-z, 0, x], [y, -x, 0]]
        motion[6 * n + 3 : 6 * n + 6, 3:] = np.eye(3)
    return motion


def prior_covariance(
    cameras: Sequence[Camera], covariance: PoseCovariance | None, given_up: Sequence[str] = ()
) -> Float[np.ndarray, "six_cameras six_cameras"]:
    """Joint covariance of the given places, the world left free.

    Cameras that the covariance does not hold, and those given up, are loose.
    """
    n = len(cameras)
    P = np.diag(np.tile([LOOSE_RAD**2] * 3 + [LOOSE_M**2] * 3, n))
    if covariance is not None:
        known = [k for k, c in enumerate(cameras) if c.name in covariance.cameras and c.name not in given_up]
        rows = np.concatenate([6 * k + np.arange(6) for k in known]) if known else np.zeros(0, int)
        order = [6 * covariance.cameras.index(cameras[k].name) + np.arange(6) for k in known]
        source = np.concatenate(order) if order else np.zeros(0, int)
        P[np.ix_(rows, rows)] = covariance.matrix[np.ix_(source, source)]
    motion = by_world_motion(cameras) @ np.diag([WORLD_RAD] * 3 + [WORLD_M] * 3)
    return P + motion @ motion.T


@dataclass(frozen=True, kw_only=True, eq=False)
class Fused:
    """All cameras after the surfaces' statement about some of them was taken in."""

    six: Float[np.ndarray, "six_cameras"]
    """From the given places."""
    matrix: Float[np.ndarray, "six_cameras six_cameras"]


def fuse(
    P: Float[np.ndarray, "six_cameras six_cameras"],
    seen: np.ndarray,
    information: Float[np.ndarray, "six_seen six_seen"],
    measured: Float[np.ndarray, "six_seen"],
) -> Fused:
    """The product of two normal distributions: the given one with covariance P about zero, and of the numbers `seen`
    one with an information matrix (which may be singular) about `measured`."""
    P_seen = P[:, seen]
    inner = np.eye(len(measured)) + information @ P[np.ix_(seen, seen)]
    gain = P_seen @ np.linalg.solve(inner, information)
    matrix = P - gain @ P_seen.T
    return Fused(six=gain @ measured, matrix=(matrix + matrix.T) / 2)


def without_motion(
    six: Float[np.ndarray, "six_cameras"],
    cameras: Sequence[Camera],
    matrix: Float[np.ndarray, "six_cameras six_cameras"],
    trusted: Mapping[str, bool],
) -> tuple[Float[np.ndarray, "six_cameras"], Float[np.ndarray, "six_cameras six_cameras"]]:
    """Numbers and their covariance after the motion of the world that brings the trusted cameras' centres nearest to
    where they were."""
    motion = by_world_motion(cameras)
    rows = np.concatenate([6 * k + np.arange(3, 6) for k, c in enumerate(cameras) if trusted[c.name]])
    keep = np.eye(len(six))
    keep[:, rows] -= motion @ np.linalg.pinv(motion[rows], rcond=1e-9)
    return keep @ six, keep @ matrix @ keep.T


def excess(six: Float[np.ndarray, "6"], covariance: Float[np.ndarray, "6 6"]) -> float:
    """How improbable six numbers are, as deviations of a normal number; 0 where nothing is known of them."""
    scale = np.sqrt(np.clip(np.diag(covariance), 1e-16, None))
    values, axes = np.linalg.eigh(covariance / np.outer(scale, scale))
    known = values > 1e-6
    squared = float((((axes.T @ (six / scale))[known]) ** 2 / values[known]).sum())
    return float(max(norm.isf(max(chi2.sf(squared, int(known.sum())), 1e-300) / 2), 0.0))
