"""What is known before looking: how people hold themselves and how they are shaped."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT
from hps.points.fitting.equations import Equations
from hps.points.fitting.state import FIRST_SHAPE, BodyStates
from registration.fit.rotations import inverse_left_jacobian, logarithm
from registration.fit.terms.pose_mixture import FEATURES, JOINTS, PoseMixture, default_pose_mixture
from registration.fit.terms.pose_prior import HAND_SIGMA
from registration.shape.prior import ShapePrior

ROOT_SIGMA = 1e3
"""Radians and metres: of the root's heading and place nothing is known; keeps the equations from being singular."""
HANDS = slice(JOINTS.stop, JOINT_COUNT)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PriorTerm:
    """A mixture of Gaussians over the pose, hands that do not move, and a Gaussian over the shape."""

    shape: ShapePrior
    mixture: PoseMixture = field(default_factory=default_pose_mixture)
    pose_scale: float = 1.0
    shape_scale: float = 1.0

    def add(self, equations: Equations, states: BodyStates) -> None:
        """Adds the negative log-density of every body, bounded from above as in expectation maximisation."""
        theta = logarithm(states.rotations[:, 1:])
        self._add_pose(equations, theta[:, : FEATURES // 3])
        self._add_hands(equations, theta[:, FEATURES // 3 :])
        A, b = equations.A, equations.b
        precision = self.shape.precision / self.shape_scale**2
        off = self.shape.mean - states.coefficients
        shape = slice(FIRST_SHAPE, FIRST_SHAPE + len(precision))
        A[:, shape, shape] += precision
        b[:, shape] += off @ precision
        equations.cost[:] += 0.5 * ((off @ precision) * off).sum(1)
        free = np.r_[0:3, FIRST_SHAPE - 3 : FIRST_SHAPE]
        A[:, free, free] += 1 / ROOT_SIGMA**2

    def _add_pose(self, equations: Equations, theta: Float[np.ndarray, "batch 21 3"]) -> None:
        mixture, scale2, batch = self.mixture, self.pose_scale**2, len(theta)
        away = theta.reshape(batch, 1, FEATURES) - mixture.means
        pulled = (away.transpose(1, 0, 2) @ mixture.precisions).transpose(1, 0, 2) / scale2
        log = mixture.log_norms - 0.5 * (pulled * away).sum(-1)
        most = log.max(1, keepdims=True)
        share = np.exp(log - most)
        total = share.sum(1, keepdims=True)
        share /= total
        precision = (share @ mixture.precisions.reshape(len(mixture.means), -1)) / scale2
        force = -(share[:, None] @ pulled)[:, 0]
        J = inverse_left_jacobian(theta)
        joints = FEATURES // 3
        blocks = precision.reshape(batch, joints, 3, joints, 3).transpose(0, 1, 3, 2, 4)
        turned = np.swapaxes(J, -1, -2)[:, :, None] @ blocks @ J[:, None]
        at = slice(3 * JOINTS.start, 3 * JOINTS.stop)
        equations.A[:, at, at] += turned.transpose(0, 1, 3, 2, 4).reshape(batch, FEATURES, FEATURES)
        equations.b[:, at] += (np.swapaxes(J, -1, -2) @ force.reshape(batch, joints, 3, 1)).reshape(batch, FEATURES)
        equations.cost[:] -= (most + np.log(total))[:, 0]

    def _add_hands(self, equations: Equations, theta: Float[np.ndarray, "batch 2 3"]) -> None:
        weight = 1 / (HAND_SIGMA * self.pose_scale) ** 2
        J = inverse_left_jacobian(theta)
        for hand, joint in enumerate(range(HANDS.start, HANDS.stop)):
            at = slice(3 * joint, 3 * joint + 3)
            back = np.swapaxes(J[:, hand], 1, 2)
            equations.A[:, at, at] += weight * back @ J[:, hand]
            equations.b[:, at] -= weight * (back @ theta[:, hand, :, None])[..., 0]
        equations.cost[:] += 0.5 * weight * (theta**2).sum((1, 2))
