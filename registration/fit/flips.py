"""Frames in which a fitted body may be turned round or have its sides exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial.transform import Rotation

from registration.fit.landmarks import Landmarks
from registration.keypoints.sets import KeypointSet

if TYPE_CHECKING:
    from registration.fit.clip import ClipKeypoints

SWAP_RATIO = 0.8
"""Exchanged sides must fit the detections this much better: a body seen from the side fits both ways alike."""
TURN_DEG_S = 1800.0
"""A pelvis that turns faster was found the wrong way round: a spin kick of the motion library reaches 700."""


def exchanged(
    points: Float[np.ndarray, "frames landmarks 3"], landmarks: Landmarks, keypoints: ClipKeypoints
) -> dict[int, list[str]]:
    """Frames whose detections are nearer to the body's landmarks of the other side, with the reason.

    points: the landmarks on the fitted body, world.
    """
    other = KeypointSet(tuple(landmarks.names)).mirror
    sided = np.flatnonzero(other != np.arange(len(other)))
    plain, swapped = [], []
    for c, camera in enumerate(keypoints.cameras):
        q, used = keypoints.q[:, c, landmarks.index][:, sided], keypoints.used[:, c, landmarks.index][:, sided]
        for out, which in ((plain, sided), (swapped, other[sided])):
            distance = np.linalg.norm(q - camera.project(points[:, which]), axis=-1)
            out.append(np.where(used, distance, np.nan))
    found: dict[int, list[str]] = {}
    for t in range(len(points) if plain else 0):
        mine, theirs = (np.concatenate([view[t] for view in views]) for views in (plain, swapped))
        known = np.isfinite(mine) & np.isfinite(theirs)
        if known.any() and np.median(theirs[known]) < SWAP_RATIO * np.median(mine[known]):
            found[t] = ["left and right fit better exchanged"]
    return found


def turned_round(pelvis: Float[np.ndarray, "frames 3 3"], time_us: Int64[np.ndarray, "frames"]) -> dict[int, list[str]]:
    """Frames whose pelvis turned faster than anybody does since the frame before, with the reason."""
    if len(pelvis) < 2:
        return {}
    R = Rotation.from_matrix(pelvis)
    turn = np.rad2deg((R[:-1].inv() * R[1:]).magnitude())
    fast = turn > TURN_DEG_S * np.maximum(np.diff(time_us) * 1e-6, 1e-3)
    return {int(t) + 1: [f"turned by {turn[t]:.0f}° since the last instant"] for t in np.flatnonzero(fast)}
