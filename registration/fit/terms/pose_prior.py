"""How likely poses are: a mixture learned from motion clips, one of whose components is wide enough for any pose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_INDEX
from registration.fit.posing import PosedClip
from registration.fit.rotations import inverse_left_jacobian, logarithm
from registration.fit.system import NormalEquations
from registration.fit.terms.pose_mixture import FEATURES, JOINTS, PoseMixture, default_pose_mixture

HAND_SIGMA: Final = 0.02
"""Radians, of the joints that move the fingers' root: fingers do not move in this body."""
_HANDS: Final = (JOINT_INDEX["left_hand"], JOINT_INDEX["right_hand"])


@dataclass(frozen=True, kw_only=True, slots=True)
class PosePrior:
    """Negative log-density of each frame's joints 1..21 under a mixture, and hands that do not move.

    Linearised as its upper bound: the responsibilities of the present pose weigh the components' precisions
    (expectation maximisation), so that a step that lowers the bound lowers the term.
    """

    mixture: PoseMixture = field(default_factory=default_pose_mixture)
    scale: float = 1.0
    """Factor on all standard deviations."""

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the term of every frame."""
        rotations = body.state.rotations
        theta = logarithm(rotations)
        T, scale2 = len(theta), self.scale**2
        log = self._log_densities(theta)
        share = np.exp(log - np.logaddexp.reduce(log, axis=1)[:, None])
        precision = np.einsum("tk,kij->tij", share, self.mixture.precisions) / scale2
        features = theta[:, JOINTS].reshape(T, FEATURES)
        informed = np.einsum("kij,kj->ki", self.mixture.precisions, self.mixture.means) / scale2
        force = share @ informed - (precision @ features[..., None])[..., 0]
        J = inverse_left_jacobian(theta[:, JOINTS])
        blocks = precision.reshape(T, FEATURES // 3, 3, FEATURES // 3, 3)
        A = np.einsum("tjab,tjakc,tkcd->tjbkd", J, blocks, J, optimize=True).reshape(T, FEATURES, FEATURES)
        at = slice(3 * JOINTS.start, 3 * JOINTS.stop)
        system.A[:, at, at] += A
        system.b[:, at] += np.einsum("tjab,tja->tjb", J, force.reshape(T, -1, 3)).reshape(T, FEATURES)
        system.cost -= float(np.logaddexp.reduce(log, axis=1).sum())
        self._add_hands(system, theta)

    def _log_densities(self, theta: Float[np.ndarray, "frames 24 3"]) -> Float[np.ndarray, "frames components"]:
        features = theta[:, JOINTS].reshape(len(theta), FEATURES)
        log = self.mixture.log_densities(features)
        return log if self.scale == 1 else self.mixture.log_norms + (log - self.mixture.log_norms) / self.scale**2

    def _add_hands(self, system: NormalEquations, theta: Float[np.ndarray, "frames 24 3"]) -> None:
        weight = 1 / (HAND_SIGMA * self.scale) ** 2
        for joint in _HANDS:
            J = inverse_left_jacobian(theta[:, joint])
            at = slice(3 * joint, 3 * joint + 3)
            system.A[:, at, at] += weight * np.swapaxes(J, 1, 2) @ J
            system.b[:, at] -= weight * (np.swapaxes(J, 1, 2) @ theta[:, joint, :, None])[..., 0]
            system.cost += 0.5 * weight * float((theta[:, joint] ** 2).sum())
