"""What is believed about people before looking: how joints bend, how bodies are shaped, how motion continues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_INDEX, JOINT_NAMES, without_side
from registration.fit.posing import PosedClip
from registration.fit.rotations import inverse_left_jacobian, logarithm
from registration.fit.system import NormalEquations

SPREAD: Final[dict[str, tuple[float, float, float]]] = {
    "pelvis": (1e3, 1e3, 1e3),
    "hip": (0.8, 0.4, 0.4),
    "spine1": (0.25, 0.15, 0.15),
    "spine2": (0.2, 0.15, 0.12),
    "spine3": (0.15, 0.15, 0.12),
    "knee": (1.0, 0.1, 0.1),
    "ankle": (0.4, 0.2, 0.2),
    "foot": (0.15, 0.05, 0.05),
    "neck": (0.3, 0.3, 0.2),
    "head": (0.3, 0.3, 0.2),
    "collar": (0.15, 0.2, 0.2),
    "shoulder": (0.6, 0.8, 0.8),
    "elbow": (0.5, 1.2, 0.15),
    "wrist": (0.3, 0.25, 0.4),
    "hand": (0.02, 0.02, 0.02),
}
"""Standard deviation of each joint's axis-angle in the rest body's axes (x left, y up, z ahead), radians: about half of
the range that anatomy allows. Elbows bend about y, knees about x; fingers do not move in this body."""

MEAN: Final[dict[str, tuple[float, float, float]]] = {
    "left_shoulder": (0.0, -0.2, -0.8),
    "right_shoulder": (0.0, 0.2, 0.8),
    "left_elbow": (0.0, -0.6, 0.0),
    "right_elbow": (0.0, 0.6, 0.0),
    "left_knee": (0.4, 0.0, 0.0),
    "right_knee": (0.4, 0.0, 0.0),
}
"""Arms hang and elbows and knees are a little bent; all other joints rest as in the T-pose."""

LIMITS: Final[dict[str, tuple[int, float, float]]] = {
    "left_elbow": (1, -2.6, 0.1),
    "right_elbow": (1, -0.1, 2.6),
    "left_knee": (0, -0.1, 2.6),
    "right_knee": (0, -0.1, 2.6),
}
"""Axis, least and greatest angle of hinges, radians."""
LIMIT_SIGMA = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class PosePrior:
    """Anatomy: a wide Gaussian for each axis of each joint, and hard hinges."""

    scale: float = 1.0

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the prior of every frame."""
        theta = logarithm(body.state.rotations)
        sigma, mean = pose_spread() * self.scale, pose_mean()
        residual = mean - theta
        information = np.broadcast_to(1 / sigma**2, theta.shape).copy()
        cost = 0.5 * (information * residual**2).sum()
        force = information * residual
        for name, (axis, low, high) in LIMITS.items():
            joint = JOINT_INDEX[name]
            angle = theta[:, joint, axis]
            beyond = np.maximum(angle - high, 0) + np.minimum(angle - low, 0)
            force[:, joint, axis] -= beyond / LIMIT_SIGMA**2
            information[:, joint, axis] += (beyond != 0) / LIMIT_SIGMA**2
            cost = cost + 0.5 * ((beyond / LIMIT_SIGMA) ** 2).sum()
        J = inverse_left_jacobian(theta)
        A = np.einsum("tjki,tjk,tjkl->tjil", J, information, J)
        for joint in range(len(JOINT_NAMES)):
            block = slice(3 * joint, 3 * joint + 3)
            system.A[:, block, block] += A[:, joint]
            system.b[:, block] += np.einsum("tki,tk->ti", J[:, joint], force[:, joint])
        system.cost += float(cost)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SharedPrior:
    """Coefficients and landmark offsets are as expected, give or take."""

    mean: Float[np.ndarray, "coefficients"]
    precision: Float[np.ndarray, "coefficients coefficients"]
    """Inverse covariance of the shape's coefficients."""
    offset_m: Float[np.ndarray, "landmarks 3"]
    offset_sigma_m: Float[np.ndarray, "landmarks"]
    times: float = 1.0
    """How often this is said: a clip repeats its data, not what is known of its person."""

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the prior once."""
        known = len(self.mean)
        off = self.mean - body.state.coefficients
        P = self.times * self.precision
        system.A_shared[:known, :known] += P
        system.b_shared[:known] += P @ off
        away = (self.offset_m - body.state.offsets).ravel()
        w = self.times / np.repeat(self.offset_sigma_m, 3) ** 2
        diagonal = np.arange(known, known + len(away))
        system.A_shared[diagonal, diagonal] += w
        system.b_shared[known:] += w * away
        system.cost += float(0.5 * off @ P @ off + 0.5 * (w * away**2).sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class SmoothMotion:
    """Accelerations are small: of every joint's rotation in its parent's frame, and of the pelvis."""

    step_s: float
    """Time from one frame to the next."""
    joint_acceleration: float
    root_acceleration: float

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the accelerations of all inner frames."""
        state = body.state
        if len(state) < 3:
            return
        R = state.rotations
        turn = logarithm(R[1:] @ np.swapaxes(R[:-1], -1, -2))
        joints = (turn[1:] - turn[:-1]).reshape(len(turn) - 1, -1)
        root = state.transl[2:] - 2 * state.transl[1:-1] + state.transl[:-2]
        e = np.concatenate([joints, root], 1)
        rate2 = self.step_s**2
        sigma = np.full(e.shape[1], self.joint_acceleration * rate2)
        sigma[-3:] = self.root_acceleration * rate2
        w = np.broadcast_to(1 / sigma**2, e.shape)
        factors = (1.0, -2.0, 1.0)
        last, diagonal = len(e), np.arange(e.shape[1])
        for i, a in enumerate(factors):
            system.A[i : i + last, diagonal, diagonal] += a * a * w
            system.b[i : i + last] -= a * w * e
        system.A_next[:last, diagonal, diagonal] += factors[0] * factors[1] * w
        system.A_next[1 : last + 1, diagonal, diagonal] += factors[1] * factors[2] * w
        system.A_second[:last] += factors[0] * factors[2] * w
        system.cost += float(0.5 * (w * e**2).sum())


def pose_spread() -> Float[np.ndarray, "24 3"]:
    """Standard deviations of all joints' axis-angles."""
    kinds = [without_side(name) for name in JOINT_NAMES]
    return np.array([SPREAD[kind] for kind in kinds])


def pose_mean() -> Float[np.ndarray, "24 3"]:
    """Their means."""
    return np.array([MEAN.get(name, (0.0, 0.0, 0.0)) for name in JOINT_NAMES])
