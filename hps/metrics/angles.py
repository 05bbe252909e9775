"""Errors of joint rotations, in degrees: geodesic ones, and the figure that LiveHPS prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from body.joint_orientations import world_rotations
from body.joints import JOINT_COUNT, PARENTS
from hps.errors import HpsError

MAJOR_JOINTS: Final = (0, 1, 2, 4, 5, 16, 17, 18, 19)
"""Joints whose turns the 3DPW challenge and EMDB measure: pelvis, hips, knees, shoulders, elbows."""
LIVEHPS_END: Final[dict[int, int]] = {
    **dict.fromkeys((20, 18, 16, 13), 20),
    **dict.fromkeys((21, 19, 17, 14), 21),
    **dict.fromkeys((7, 4, 1), 7),
    **dict.fromkeys((8, 5, 2), 8),
    **dict.fromkeys((12, 9, 6, 3), 12),
    0: 0,
}
"""Joint → the end of the limb down to which LiveHPS multiplies its rotations; the other five joints are left out."""


def geodesic_deg(
    estimate: Float[np.ndarray, "*batch 3 3"], truth: Float[np.ndarray, "*batch 3 3"]
) -> Float[np.ndarray, "*batch"]:
    """Angle of the turn from one rotation to the other, 0 to 180 degrees; exact near both ends."""
    R = np.asarray(estimate, np.float64) @ np.swapaxes(np.asarray(truth, np.float64), -1, -2)
    double_sine = np.sqrt(
        (R[..., 2, 1] - R[..., 1, 2]) ** 2 + (R[..., 0, 2] - R[..., 2, 0]) ** 2 + (R[..., 1, 0] - R[..., 0, 1]) ** 2
    )
    return np.degrees(np.arctan2(double_sine, np.trace(R, axis1=-2, axis2=-1) - 1.0))


def mpjae_deg(
    estimate: Float[np.ndarray, "frames 24 3 3"],
    truth: Float[np.ndarray, "frames 24 3 3"],
    joints: Sequence[int] = MAJOR_JOINTS,
) -> Float[np.ndarray, "frames"]:
    """Mean geodesic angle of some joints, degrees, one number for each frame.

    Both are local rotations. They are compared in the body's common frame, root included, as the 3DPW challenge does
    (MPJAE): an error of the root counts in every joint.
    """
    _rotations(estimate, truth)
    chosen = list(joints)
    return geodesic_deg(world_rotations(estimate)[:, chosen], world_rotations(truth)[:, chosen]).mean(-1)


def local_angle_error_deg(
    estimate: Float[np.ndarray, "frames 24 3 3"], truth: Float[np.ndarray, "frames 24 3 3"]
) -> Float[np.ndarray, "frames 24"]:
    """Geodesic angle of each joint against its parent, degrees: which joint is wrong, whatever is above it."""
    _rotations(estimate, truth)
    return geodesic_deg(estimate, truth)


def pa_mpjae_deg(
    estimate: Float[np.ndarray, "frames 24 3 3"],
    truth: Float[np.ndarray, "frames 24 3 3"],
    R_truth_estimate: Float[np.ndarray, "frames 3 3"],
    joints: Sequence[int] = MAJOR_JOINTS,
) -> Float[np.ndarray, "frames"]:
    """MPJAE after the estimate was turned by the rotation that aligns its joints (`best_similarity`)."""
    _rotations(estimate, truth)
    chosen = list(joints)
    turned = R_truth_estimate[:, None] @ world_rotations(estimate)[:, chosen]
    return geodesic_deg(turned, world_rotations(truth)[:, chosen]).mean(-1)


def livehps_ang_deg(
    estimate: Float[np.ndarray, "frames 24 3 3"], truth: Float[np.ndarray, "frames 24 3 3"]
) -> Float[np.ndarray, "frames"]:
    """What LiveHPS prints as its angle error, for comparison with its tables only: it measures no error of a pose.

    The mean over 19 joints of | angle(A) − angle(B) |, where A and B are products of the local rotations from the joint
    down to the end of its limb. Two turns of equal angle about different axes score 0. The code means global rotations
    (its function is called local2global) but multiplies away from the root. Source: 4DVLab/LiveHPS, test.py, `cal_ang`.
    """
    _rotations(estimate, truth)
    a, b = (_livehps_angles_deg(np.asarray(local, np.float64)) for local in (estimate, truth))
    return np.abs(a - b).mean(-1)


def _livehps_angles_deg(local: Float[np.ndarray, "frames 24 3 3"]) -> Float[np.ndarray, "frames 19"]:
    angles = []
    for joint, end in LIVEHPS_END.items():
        product, at = local[:, end], end
        while at != joint:
            at = PARENTS[at]
            product = local[:, at] @ product
        angles.append(geodesic_deg(product, np.broadcast_to(np.eye(3), product.shape)))
    return np.stack(angles, -1)


def _rotations(estimate: np.ndarray, truth: np.ndarray) -> None:
    if np.shape(estimate) != np.shape(truth) or np.shape(estimate)[1:] != (JOINT_COUNT, 3, 3):
        raise HpsError(
            f"rotations: estimate {np.shape(estimate)} and truth {np.shape(truth)} must both be (frames, 24, 3, 3)"
        )
