"""Dual-quaternion skinning: a second way to pose a body, without the volume that linear blending loses at bent joints.

Kavan et al., Skinning with Dual Quaternions, I3D 2007. The virtual rig poses its people this way, so that their skin
does not move exactly as the linear model does with which bodies are fitted.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT, PARENTS


def dual_quaternion_skin(
    points: Float[np.ndarray, "#batch points 3"],
    Rs_world: Float[np.ndarray, "batch 24 3 3"],
    translation: Float[np.ndarray, "batch 24 3"],
    weights: Float[np.ndarray, "points 24"],
) -> Float[np.ndarray, "batch points 3"]:
    """Rest points in the world; joint j alone would move a point p to Rs_world[j] @ p + translation[j].

    Each joint's quaternion takes the sign that is nearest to its parent's, so that blends follow the joint's own angle.
    """
    real = Rotation.from_matrix(Rs_world.reshape(-1, 3, 3)).as_quat(scalar_first=True).reshape(-1, JOINT_COUNT, 4)
    for joint in range(1, JOINT_COUNT):
        opposite = (real[:, joint] * real[:, PARENTS[joint]]).sum(-1) < 0
        real[opposite, joint] *= -1
    dual = 0.5 * _multiply(np.concatenate([np.zeros_like(translation[..., :1]), translation], -1), real)
    blended_real, blended_dual = weights @ real, weights @ dual
    norm = np.linalg.norm(blended_real, axis=-1, keepdims=True)
    w, v = np.split(blended_real / norm, [1], -1)
    dual_w, dual_v = np.split(blended_dual / norm, [1], -1)
    rotated = points + 2 * np.cross(v, np.cross(v, points) + w * points)
    return rotated + 2 * (w * dual_v - dual_w * v + np.cross(v, dual_v))


def _multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quaternion product, wxyz."""
    w = a[..., :1] * b[..., :1] - (a[..., 1:] * b[..., 1:]).sum(-1, keepdims=True)
    v = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([w, v], -1)
