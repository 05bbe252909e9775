"""Orientations of joints in the frame of the root's, from rotations relative to the parents."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from body.joints import PARENTS


def world_rotations(rotations: Float[np.ndarray, "*frames 24 3 3"]) -> Float[np.ndarray, "*frames 24 3 3"]:
    """Of each joint, in the frame of the root's rotation."""
    G = np.array(rotations, np.float64)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            G[..., joint, :, :] = G[..., parent, :, :] @ G[..., joint, :, :]
    return G


def parent_rotations(rotations: Float[np.ndarray, "*frames 24 3 3"]) -> Float[np.ndarray, "*frames 24 3 3"]:
    """Of each joint's parent; the identity for the root."""
    G = world_rotations(rotations)[..., np.maximum(PARENTS, 0), :, :]
    G[..., 0, :, :] = np.eye(3)
    return G
