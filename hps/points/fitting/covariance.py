"""How sure a fit is: the inverse of its energy's second derivative, in the order and axes that results have."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT, PARENTS
from hps.points.fitting.equations import Equations
from hps.points.fitting.state import FIRST_SHAPE, SHIFT
from hps.points.unknowns import TURNS
from registration.fit.posing import Frames
from registration.fit.rotations import skew


def _paths() -> list[set[int]]:
    """The joints that each joint hangs from, and itself, which has no lever on itself."""
    paths: list[set[int]] = []
    for joint, parent in enumerate(PARENTS):
        paths.append({joint} | (paths[parent] if parent >= 0 else set()))
    return paths


BELOW: Final = np.array([[j in _path for j in range(JOINT_COUNT)] for _path in _paths()], np.float64)
"""Entry (m, j): whether joint m hangs from joint j, at any distance; a turn of j then moves it."""


def parameter_covariance(
    inverse: Float[np.ndarray, "batch unknowns unknowns"], frames: Frames, shapes: int
) -> Float[np.ndarray, "batch reported reported"]:
    """Of turns of the 24 joints about the frame's axes, the betas, and the translation; the child factor left out.

    inverse: covariance of the unknowns of `BodyStates`, whose turns are about the axes of the joints' parents.
    """
    batch, unknowns = inverse.shape[:2]
    M = np.zeros((batch, TURNS + shapes + 3, unknowns))
    for joint in range(JOINT_COUNT):
        at = slice(3 * joint, 3 * joint + 3)
        M[:, at, at] = frames.R_parent[:, joint]
    M[:, TURNS : TURNS + shapes, FIRST_SHAPE : FIRST_SHAPE + shapes] = np.eye(shapes)
    M[:, TURNS + shapes :, SHIFT] = np.eye(3)
    return M @ inverse @ M.transpose(0, 2, 1)


def joint_covariance(
    inverse: Float[np.ndarray, "batch unknowns unknowns"], frames: Frames
) -> Float[np.ndarray, "batch 24 3 3"]:
    """Of the joints' positions, square metres."""
    J = _joint_rows(frames, inverse.shape[1])
    return np.einsum("bjik,bjlk->bjil", J @ inverse[:, None], J)


def inverse_of(equations: Equations) -> Float[np.ndarray, "batch unknowns unknowns"]:
    """Covariance of the unknowns, from the undamped equations."""
    return np.linalg.inv(equations.A)


def _joint_rows(frames: Frames, unknowns: int) -> Float[np.ndarray, "batch 24 3 unknowns"]:
    """How joints move with the unknowns: w x (joint - ancestor), for turns w in the axes of the ancestor's parent."""
    batch = len(frames.joints)
    levers = (frames.joints[:, :, None] - frames.joints[:, None]) * BELOW[..., None]
    turns = -skew(levers) @ frames.R_parent[:, None]
    J = np.zeros((batch, JOINT_COUNT, 3, unknowns))
    J[..., :TURNS] = turns.transpose(0, 1, 3, 2, 4).reshape(batch, JOINT_COUNT, 3, TURNS)
    J[..., SHIFT] = np.eye(3)
    J[..., FIRST_SHAPE : FIRST_SHAPE + frames.d_joints.shape[-1]] = frames.d_joints
    return J
