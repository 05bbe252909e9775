"""Limbs that a fit has left in another minimum, far from their keypoints, start again from a neighbouring frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from body.joints import JOINT_INDEX
from registration.fit.landmarks import Landmarks
from registration.fit.state import FitState

LIMBS: Final = {
    ("elbow", "wrist"): ("collar", "shoulder", "elbow", "wrist", "hand"),
    ("knee", "ankle"): ("hip", "knee", "ankle", "foot"),
}
"""Landmarks that tell where a limb is, and the joints that turn it."""
LOST_M, FOUND_M = 0.2, 0.12
"""Distance from its landmarks at which a limb is lost, and within which it is right. Triangulated wrists and ankles of
simulated takes are within 0.1 m of the body's; the forearm that this was written for was 0.7 m off in two frames of a
dance, between frames that were right to 20 mm."""


def with_limbs_found(
    state: FitState, landmarks: Landmarks, p_world: Float[np.ndarray, "frames landmarks 3"]
) -> tuple[FitState, Bool[np.ndarray, "frames"]]:
    """The state with the joints of lost limbs as in the nearest frame in which they are right, and those frames.

    p_world: triangulated landmarks in the order of `landmarks`, metres, NaN where there is none. A limb that is right
    in no frame, and one whose landmarks were not seen, stay as they are.
    """
    away = np.linalg.norm(landmarks.positions(state) - p_world, axis=-1)
    rotations, changed = state.rotations.copy(), np.zeros(len(state), bool)
    names = list(landmarks.names)
    for told_by, joints in LIMBS.items():
        for side in ("left", "right"):
            if any(f"{side}_{name}" not in names for name in told_by):
                continue
            off = away[:, [names.index(f"{side}_{name}") for name in told_by]].max(1)
            right = np.flatnonzero(off < FOUND_M)
            if not len(right):
                continue
            index = [JOINT_INDEX[f"{side}_{name}"] for name in joints]
            for frame in np.flatnonzero(off > LOST_M):
                nearest = right[np.abs(right - frame).argmin()]
                rotations[frame, index] = state.rotations[nearest, index]
                changed[frame] = True
    return replace(state, rotations=rotations), changed
