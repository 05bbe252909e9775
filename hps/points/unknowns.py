"""What the covariance of an estimated body is over: turns of the joints, shape, translation, in this order."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT

TURNS: Final = 3 * JOINT_COUNT
"""Small turns of the joints come first, then the shape's coefficients, then 3 of the translation."""
SHAPES: Final = 10
"""Betas that estimators find; the open body's others move its skin by 2 mm."""


def pose_covariance(
    covariance: Float[np.ndarray, "frames unknowns unknowns"],
) -> Float[np.ndarray, "frames 75 75"]:
    """Of turns and translation alone, whatever the shape is."""
    pose = np.r_[:TURNS, covariance.shape[1] - 3 : covariance.shape[1]]
    return covariance[:, pose[:, None], pose]


def turned(
    covariance: Float[np.ndarray, "frames 75 75"], R: Float[np.ndarray, "frames 24 3 3"]
) -> Float[np.ndarray, "frames 75 75"]:
    """A covariance of turns and translation whose turns are about other axes: R takes the old axes to the new."""
    groups = JOINT_COUNT + 1
    blocks = np.concatenate([R, np.broadcast_to(np.eye(3), (len(covariance), 1, 3, 3))], 1)
    split = covariance.reshape(len(covariance), groups, 3, groups, 3)
    return np.einsum("tgij,tgjhk,thlk->tgihl", blocks, split, blocks, optimize=True).reshape(covariance.shape)
