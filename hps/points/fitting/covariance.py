"""How sure a fit is: the inverse of its energy's second derivative, in the order and axes that results have."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT
from hps.points.fitting.equations import Equations
from hps.points.fitting.state import FIRST_SHAPE, PARENT_ARRAY, SHIFT, TURNS
from registration.fit.posing import Frames


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
    """How the joints move with the unknowns: w x (joint - ancestor), for turns w in the ancestor's parent's axes."""
    J = np.zeros((len(frames.joints), JOINT_COUNT, 3, unknowns))
    J[..., SHIFT] = np.eye(3)
    J[..., FIRST_SHAPE:] = frames.d_joints
    for joint in range(JOINT_COUNT):
        ancestor = int(PARENT_ARRAY[joint])
        while ancestor >= 0:
            lever = frames.joints[:, joint] - frames.joints[:, ancestor]
            at = slice(3 * ancestor, 3 * ancestor + 3)
            axes = frames.R_parent[:, ancestor].transpose(0, 2, 1)
            J[:, joint, :, at] = np.cross(axes, lever[:, None]).transpose(0, 2, 1)
            ancestor = int(PARENT_ARRAY[ancestor])
    return J
