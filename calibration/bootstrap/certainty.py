"""How sure a rig is that was solved from keypoints: neighbouring joints err alike, and do so all the time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64

from calibration.bootstrap.adjust import NUMBERS, Adjusted, Placed, freedoms
from calibration.pose_covariance import PoseCovariance

GROUPS = {
    "head": ("nose", "eye", "ear", "mouth", "head", "neck"),
    "hand": ("wrist", "pinky", "index", "thumb", "hand"),
    "foot": ("ankle", "heel", "foot", "toe"),
}
"""Joints that are near each other, whose errors are one."""


def joint_groups(names: tuple[str, ...]) -> Int64[np.ndarray, "joints"]:
    """Number of each joint's group: its own, or with its neighbours of the same side."""
    keys = []
    for name in names:
        side = "left" if "left" in name else "right" if "right" in name else ""
        part = next((g for g in ("foot", "head", "hand") if any(word in name for word in GROUPS[g])), name)
        keys.append(f"{side} {part}")
    places = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    return np.array([places[key] for key in keys], np.int64)


def covariance(
    adjusted: Adjusted, cameras: tuple[str, ...], groups: Int64[np.ndarray, "joints"], scale_sigma: float
) -> PoseCovariance:
    """Of the cameras' poses after the best rigid alignment of their centres.

    The detector errs by the same amount in the same direction as long as a camera sees a limb from the same side, so
    that images do not average it away. Each group of joints is one independent observation of the whole recording (the
    sandwich of clustered regression, Liang and Zeger 1986), beside the noise that the information tells.
    `scale_sigma` is the relative uncertainty of the scale.
    """
    placed, J = adjusted.placed, len(groups)
    C = len(cameras)
    B = adjusted.basis
    N = B.T @ np.linalg.qr(freedoms(placed))[0]
    H = B.T @ adjusted.information @ B
    G = B @ np.linalg.inv(H + np.trace(H) * N @ N.T) @ B.T
    by_joint = adjusted.gradient_by_point.reshape(-1, J, NUMBERS * C).sum(0)
    by_group = np.stack([by_joint[groups == g].sum(0) for g in np.unique(groups)])
    count = len(by_group)
    meat = by_group.T @ by_group * count / max(count - 1, 1)
    full = G + G @ meat @ G
    full += scale_sigma**2 * np.outer(freedoms(placed)[:, 6], freedoms(placed)[:, 6])
    keep = np.concatenate([np.arange(6) + NUMBERS * c for c in range(C)])
    return PoseCovariance(cameras=cameras, matrix=_aligned(full[np.ix_(keep, keep)], placed), gauge="aligned")


def _aligned(matrix: Float[np.ndarray, "n n"], placed: Placed) -> Float[np.ndarray, "n n"]:
    """With what a rigid motion of the world explains of the centres taken off."""
    C = len(placed.center)
    keep = np.concatenate([np.arange(6) + NUMBERS * c for c in range(C)])
    N = freedoms(placed)[keep][:, :6]
    centers = np.concatenate([np.arange(3, 6) + 6 * c for c in range(C)])
    P = np.eye(6 * C)
    P[:, centers] -= N @ np.linalg.pinv(N[centers], rcond=1e-6)
    return P @ matrix @ P.T
