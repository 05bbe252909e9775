"""Joints that bend further than people's do are pulled back; within the limits the term is silent."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.motion.joint_limits import JointLimits, human_limits
from registration.fit.posing import PosedClip
from registration.fit.rotations import exponential, inverse_left_jacobian
from registration.fit.system import NormalEquations

SIGMA: Final = 0.05
"""Radians beyond a limit. People differ by about 10 degrees, which the ranges already contain."""
TOLERANCE: Final = 1.1
"""The ranges of body/motion/joint_limits.py times this: on 5178 training poses 0.2 % of the components are beyond."""


@cache
def _default_limits() -> JointLimits:
    return human_limits(TOLERANCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitTerm:
    """Half the squared excess of twist and swing of each joint over its limits, in standard deviations."""

    limits: JointLimits = field(default_factory=_default_limits)
    sigma: float = SIGMA
    """Radians."""

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the term of all joints of all frames."""
        components, derivative = twist_and_swing(body.state.rotations, np.array(self.limits.twist_axis))
        excess = components - np.clip(components, self.limits.lowest, self.limits.highest)
        for joint in np.flatnonzero(excess.any((0, 2))):
            beyond, J = excess[:, joint], derivative[:, joint]
            at = slice(3 * joint, 3 * joint + 3)
            informed = J * (beyond != 0)[..., None] / self.sigma**2
            system.A[:, at, at] += np.swapaxes(J, 1, 2) @ informed
            system.b[:, at] -= np.einsum("tki,tk->ti", informed, beyond)
        system.cost += 0.5 * float((excess**2).sum()) / self.sigma**2


def twist_and_swing(
    rotations: Float[np.ndarray, "frames 24 3 3"], axis: np.ndarray
) -> tuple[Float[np.ndarray, "frames 24 3"], Float[np.ndarray, "frames 24 3 3"]]:
    """Components as JointLimits has them, radians, and their change with small turns in the parent's frame.

    A rotation is swing after twist; the twist is about `axis` (one of 0, 1, 2 for each joint), and its component takes
    the place of the swing's along that axis, which is zero.
    """
    joints = np.arange(len(axis))
    q = _quaternions(rotations)
    scalar, vector = q[..., 0], q[..., 1:]
    along = vector[:, joints, axis]
    angle = 2 * np.arctan2(along, scalar)
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    unit = np.eye(3)[axis]
    # of the quaternion under a small turn d from the left: scalar -d.v / 2, vector (scalar d + d x v) / 2
    d_scalar = -0.5 * vector
    d_along = 0.5 * (scalar[..., None] * unit + np.cross(vector, unit))
    length2 = np.maximum(scalar**2 + along**2, 1e-6)[..., None]
    d_angle = 2 * (scalar[..., None] * d_along - along[..., None] * d_scalar) / length2
    half = -0.5 * angle
    untwist = np.concatenate([np.cos(half)[..., None], np.sin(half)[..., None] * unit], -1)
    swing = _log(_product(q, untwist))
    S_axis = _turned(swing, np.broadcast_to(unit, swing.shape))
    moved = np.eye(3) - S_axis[..., None] * d_angle[..., None, :]
    derivative = inverse_left_jacobian(swing) @ moved
    swing[:, joints, axis] = angle
    derivative[:, joints, axis] = d_angle
    return swing, derivative


def _quaternions(R: Float[np.ndarray, "*some 3 3"]) -> Float[np.ndarray, "*some 4"]:
    """wxyz."""
    return Rotation.from_matrix(R.reshape(-1, 3, 3)).as_quat(scalar_first=True).reshape(*R.shape[:-2], 4)


def _product(a: Float[np.ndarray, "*some 4"], b: Float[np.ndarray, "*some 4"]) -> Float[np.ndarray, "*some 4"]:
    w = a[..., :1] * b[..., :1] - (a[..., 1:] * b[..., 1:]).sum(-1, keepdims=True)
    v = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([w, v], -1)


def _log(q: Float[np.ndarray, "*some 4"]) -> Float[np.ndarray, "*some 3"]:
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    small = sine < 1e-8
    return np.where(small, 2.0, 2 * np.arctan2(sine, q[..., :1]) / np.where(small, 1.0, sine)) * q[..., 1:]


def _turned(theta: Float[np.ndarray, "*some 3"], v: Float[np.ndarray, "*some 3"]) -> Float[np.ndarray, "*some 3"]:
    return (exponential(theta) @ v[..., None])[..., 0]
