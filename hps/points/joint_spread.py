"""How sure the places of the joints are, from the covariance of a body's parameters."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from body.joint_orientations import world_rotations
from body.joints import JOINT_COUNT, PARENTS
from hps.points.fitting.body import FitBody
from hps.points.unknowns import TURNS


def joint_spread(
    body: FitBody,
    rotations: Float[np.ndarray, "frames 24 3 3"],
    joints: Float[np.ndarray, "frames 24 3"],
    covariance: Float[np.ndarray, "frames unknowns unknowns"],
) -> Float[np.ndarray, "frames 24 3 3"]:
    """Covariance of each joint's place, square metres.

    covariance: of small turns of the joints about the frame's axes, each with all that hangs on it; the betas; the
    translation. The first derivative of the posed skeleton (Loper et al. 2015, equation 4).
    """
    shapes = covariance.shape[1] - TURNS - 3
    frames = len(rotations)
    J = np.zeros((frames, JOINT_COUNT, 3, covariance.shape[1]))
    J[..., -3:] = np.eye(3)
    world = world_rotations(rotations)
    d_rest = body.points.d_joints[..., :shapes]
    for joint, parent in enumerate(PARENTS):
        own = slice(TURNS, TURNS + shapes)
        if parent < 0:
            J[:, joint, :, own] = d_rest[joint]
        else:
            J[:, joint, :, own] = J[:, parent, :, own] + world[:, parent] @ (d_rest[joint] - d_rest[parent])
        above = parent
        while above >= 0:
            J[:, joint, :, 3 * above : 3 * above + 3] = _cross(joints[:, above] - joints[:, joint])
            above = PARENTS[above]
    return np.einsum("tjiu,tuv,tjkv->tjik", J, covariance, J, optimize=True)


def _cross(v: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3 3"]:
    """Matrices M with M w = v x w."""
    M = np.zeros((len(v), 3, 3))
    M[:, 0, 1], M[:, 0, 2], M[:, 1, 2] = -v[:, 2], v[:, 1], -v[:, 0]
    return M - M.transpose(0, 2, 1)
