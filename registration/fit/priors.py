"""What is believed about people before looking: how joints bend, how bodies are shaped, how motion continues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from body.joints import JOINT_INDEX, JOINT_NAMES
from body.rotations import matrix_to_axis_angle, skew
from registration.fit.state import FitState
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

    def add(self, system: NormalEquations, state: FitState) -> None:
        """Adds the prior of every frame."""
        theta = matrix_to_axis_angle(state.rotations)
        sigma, mean = _spread() * self.scale, _mean()
        residual = mean - theta
        information = (1 / sigma**2).expand_as(theta).clone()
        cost = 0.5 * (information * residual.square()).sum()
        force = information * residual
        for name, (axis, low, high) in LIMITS.items():
            joint = JOINT_INDEX[name]
            angle = theta[:, joint, axis]
            beyond = (angle - high).clamp(min=0) + (angle - low).clamp(max=0)
            force[:, joint, axis] -= beyond / LIMIT_SIGMA**2
            information[:, joint, axis] += (beyond != 0) / LIMIT_SIGMA**2
            cost = cost + 0.5 * (beyond / LIMIT_SIGMA).square().sum()
        J = _inverse_left_jacobian(theta)
        A = torch.einsum("tjki,tjk,tjkl->tjil", J, information, J)
        for joint in range(len(JOINT_NAMES)):
            block = slice(3 * joint, 3 * joint + 3)
            system.A[:, block, block] += A[:, joint]
            system.b[:, block] += torch.einsum("tki,tk->ti", J[:, joint], force[:, joint])
        system.cost += float(cost)


def add_shared_prior(
    system: NormalEquations,
    state: FitState,
    beta_sigma: float,
    offset: Float[Tensor, "landmarks 3"],
    offset_sigma: Float[Tensor, "landmarks"],
    times: float = 1.0,
) -> None:
    """Betas are zero and landmark offsets as expected, give or take; said `times` times."""
    value = torch.cat([state.betas, (state.offsets - offset).flatten()])
    sigma = torch.cat([torch.full_like(state.betas, beta_sigma), offset_sigma.repeat_interleave(3)]) / times**0.5
    system.A_shared += torch.diag(1 / sigma**2)
    system.b_shared -= value / sigma**2
    system.cost += float(0.5 * (value / sigma).square().sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class SmoothMotion:
    """Accelerations are small: of every joint's rotation in its parent's frame, and of the pelvis."""

    step_s: float
    """Time from one frame to the next."""
    joint_acceleration: float
    root_acceleration: float

    def add(self, system: NormalEquations, state: FitState) -> None:
        """Adds the accelerations of all inner frames."""
        if len(state) < 3:
            return
        R = state.rotations
        turn = matrix_to_axis_angle(R[1:] @ R[:-1].transpose(2, 3))
        joints = (turn[1:] - turn[:-1]).flatten(1)
        root = state.transl[2:] - 2 * state.transl[1:-1] + state.transl[:-2]
        e = torch.cat([joints, root], 1)
        rate2 = self.step_s**2
        sigma = torch.full((e.shape[1],), self.joint_acceleration * rate2, dtype=e.dtype)
        sigma[-3:] = self.root_acceleration * rate2
        w = (1 / sigma**2).expand_as(e)
        factors = (1.0, -2.0, 1.0)
        last = len(e)
        for i, a in enumerate(factors):
            system.A.diagonal(dim1=1, dim2=2)[i : i + last] += a * a * w
            system.b[i : i + last] -= a * w * e
        system.A_next[:last] += factors[0] * factors[1] * w
        system.A_next[1 : last + 1] += factors[1] * factors[2] * w
        system.A_second[:last] += factors[0] * factors[2] * w
        system.cost += float(0.5 * (w * e.square()).sum())


def _spread() -> Float[Tensor, "24 3"]:
    kinds = [name.removeprefix("left_").removeprefix("right_") for name in JOINT_NAMES]
    return torch.tensor([SPREAD[kind] for kind in kinds], dtype=torch.float64)


def _mean() -> Float[Tensor, "24 3"]:
    return torch.tensor([MEAN.get(name, (0.0, 0.0, 0.0)) for name in JOINT_NAMES], dtype=torch.float64)


def _inverse_left_jacobian(theta: Float[Tensor, "*some 3"]) -> Float[Tensor, "*some 3 3"]:
    """d log(exp(d) exp(theta)) / dd at d = 0 (Chirikjian 2012, 10.86)."""
    angle = theta.norm(dim=-1)[..., None, None].clamp(min=1e-4, max=3.1)
    K = skew(theta)
    factor = 1 / angle**2 - (1 + angle.cos()) / (2 * angle * angle.sin())
    return torch.eye(3, dtype=theta.dtype) - 0.5 * K + factor * (K @ K)
