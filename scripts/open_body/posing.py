"""Plain numpy posing for the build: forward kinematics, dual-quaternion skinning, and the way from A-pose to T-pose."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.dual_quaternions import dual_quaternion_skin
from body.joints import JOINT_COUNT, JOINT_INDEX, PARENTS

COLLAR_RAISE_DEG = 0.0
THIGH_DIRECTION = (0.075, -1.0, 0.0)
"""Of the left leg, mirrored for the right: thighs 4 degrees out."""
SHIN_DIRECTION = (-0.02, -1.0, -0.075)
FOOT_DIRECTION = (0.14, 0.0, 1.0)
"""Feet flat and 8 degrees out."""


def forward_kinematics(
    rest_joints: Float[np.ndarray, "batch 24 3"], Rs_world: Float[np.ndarray, "batch 24 3 3"]
) -> Float[np.ndarray, "batch 24 3"]:
    """Posed joints of global rotations, the root where it was."""
    joints = rest_joints.copy()
    for joint in range(1, JOINT_COUNT):
        parent = PARENTS[joint]
        bone = rest_joints[:, joint] - rest_joints[:, parent]
        joints[:, joint] = joints[:, parent] + np.einsum("bij,bj->bi", Rs_world[:, parent], bone)
    return joints


def global_rotations(axis_angles: Float[np.ndarray, "batch 24 3"]) -> Float[np.ndarray, "batch 24 3 3"]:
    """Global rotation matrices of relative axis-angles."""
    Rs = Rotation.from_rotvec(axis_angles.reshape(-1, 3)).as_matrix().reshape(-1, JOINT_COUNT, 3, 3)
    for joint in range(1, JOINT_COUNT):
        Rs[:, joint] = Rs[:, PARENTS[joint]] @ Rs[:, joint]
    return Rs


def dual_quaternion_skinning(
    points: Float[np.ndarray, "batch points 3"],
    rest_joints: Float[np.ndarray, "batch 24 3"],
    Rs_world: Float[np.ndarray, "batch 24 3 3"],
    weights: Float[np.ndarray, "points 24"],
) -> tuple[Float[np.ndarray, "batch points 3"], Float[np.ndarray, "batch 24 3"]]:
    """Posed points and joints without the volume loss of linear blending."""
    joints = forward_kinematics(rest_joints, Rs_world)
    translation = joints - np.einsum("bjik,bjk->bji", Rs_world, rest_joints)
    return dual_quaternion_skin(points, Rs_world, translation, weights), joints


def t_pose_rotations(joints: Float[np.ndarray, "batch 24 3"]) -> Float[np.ndarray, "batch 24 3 3"]:
    """Global rotations that take each body from Anny's A-pose to SMPL's T-pose.

    Arms along +-x, palms down, elbow hinges vertical; thighs, shins and feet as in the constants above.
    """
    Rs = np.tile(np.eye(3), (len(joints), JOINT_COUNT, 1, 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        _straighten_arm(Rs, joints, side, sign)
        _straighten_leg(Rs, joints, side, sign)
    return Rs


def _straighten_arm(Rs: np.ndarray, joints: np.ndarray, side: str, sign: float) -> None:
    collar, shoulder, elbow, wrist, hand = (
        JOINT_INDEX[f"{side}_{part}"] for part in ("collar", "shoulder", "elbow", "wrist", "hand")
    )
    outward = np.array([sign, 0.0, 0.0])
    upper, lower, palm = (joints[:, b] - joints[:, a] for a, b in ((shoulder, elbow), (elbow, wrist), (wrist, hand)))
    R_collar = Rotation.from_rotvec([0, 0, np.radians(COLLAR_RAISE_DEG * sign)]).as_matrix()
    R = _between(_apply(R_collar, upper), outward) @ R_collar
    hinge = _apply(R, np.cross(upper, lower)) * [0, 1, 1]
    R = _between(hinge, np.array([0.0, -sign, 0.0])) @ R
    Rs[:, collar], Rs[:, shoulder] = R_collar, R
    R = _between(_apply(R, lower), outward) @ R
    Rs[:, elbow] = R
    Rs[:, wrist] = Rs[:, hand] = _between(_apply(R, palm), outward) @ R


def _straighten_leg(Rs: np.ndarray, joints: np.ndarray, side: str, sign: float) -> None:
    hip, knee, ankle, foot = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "foot"))
    thigh, shin, sole = (joints[:, b] - joints[:, a] for a, b in ((hip, knee), (knee, ankle), (ankle, foot)))
    flip = np.array([sign, 1.0, 1.0])
    R = _between(thigh, flip * THIGH_DIRECTION)
    Rs[:, hip] = R
    Rs[:, knee] = _between(_apply(R, shin), flip * SHIN_DIRECTION) @ R
    Rs[:, ankle] = Rs[:, foot] = _between(sole * [1, 0, 1], flip * FOOT_DIRECTION)


def _apply(R: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (R @ v[..., None])[..., 0]


def _between(a: Float[np.ndarray, "batch 3"], b: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "batch 3 3"]:
    """Smallest rotations that turn directions a to b."""
    a = a / np.linalg.norm(a, axis=-1, keepdims=True)
    b = np.broadcast_to(b / np.linalg.norm(b, axis=-1, keepdims=True), a.shape)
    x, y, z = np.moveaxis(np.cross(a, b), -1, 0)
    o = np.zeros_like(x)
    K = np.stack([o, -z, y, z, o, -x, -y, x, o], -1).reshape(-1, 3, 3)
    return np.eye(3) + K + K @ K / (1 + (a * b).sum(-1))[:, None, None]
