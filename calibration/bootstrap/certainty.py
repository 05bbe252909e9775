"""How sure a rig is that was solved from keypoints: neighbouring joints err alike, and do so all the time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int64

from calibration.bootstrap.adjust import NUMBERS, Adjusted, Placed, Sightings, adjust, freedoms
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
    adjusted: Adjusted,
    sightings: Sightings,
    cameras: tuple[str, ...],
    groups: Int64[np.ndarray, "joints"],
    kernel: float,
    scale_sigma: float,
) -> PoseCovariance:
    """Of the cameras' poses after the best rigid alignment of their centres.

    The detector errs by the same amount in the same direction as long as a camera sees a limb from the same side, so
    that images do not average it away. Each group of joints is therefore one observation of the whole recording: the
    variance is the jackknife's over the groups (one step of the adjustment without each), beside that of the noise.
    `scale_sigma` is the relative uncertainty of the scale.
    """
    placed, J = adjusted.placed, len(groups)
    C, T = len(cameras), len(sightings.m) // J
    B = adjusted.basis
    N = B.T @ np.linalg.qr(freedoms(placed))[0]
    H = B.T @ adjusted.information @ B
    H = H + np.trace(H) * N @ N.T
    by_joint = adjusted.gradient_by_point.reshape(T, J, NUMBERS * C).sum(0)
    spread, count = np.linalg.inv(H), len(np.unique(groups))
    for group in np.unique(groups):
        without = np.tile(groups != group, T)
        m = np.where(without[:, None, None], np.nan, sightings.m)
        part = adjust(replace(sightings, m=m), placed, kernel=kernel, iterations=0)
        left = H - B.T @ part.information @ B
        step = np.linalg.lstsq(left, B.T @ by_joint[groups == group].sum(0), rcond=1e-10)[0]
        spread += (count - 1) / count * np.outer(step, step)
    full = B @ spread @ B.T
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
