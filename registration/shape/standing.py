"""How people stand for a scan: trunk, neck and legs nearly straight, arms anywhere beside the body or spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT, JOINT_NAMES, without_side
from registration.fit.rotations import inverse_left_jacobian, logarithm
from registration.fit.term import NormalEquations, PosedClip

SPREAD: Final[dict[str, tuple[float, float, float]]] = {
    "pelvis": (1e3, 1e3, 1e3),
    "hip": (0.25, 0.25, 0.25),
    "spine1": (0.07, 0.05, 0.05),
    "spine2": (0.07, 0.05, 0.05),
    "spine3": (0.07, 0.05, 0.05),
    "knee": (0.2, 0.06, 0.06),
    "ankle": (0.25, 0.15, 0.15),
    "foot": (0.1, 0.03, 0.03),
    "neck": (0.12, 0.08, 0.08),
    "head": (0.12, 0.08, 0.08),
    "collar": (0.07, 0.07, 0.09),
    "shoulder": (0.4, 0.4, 0.8),
    "elbow": (0.4, 0.5, 0.1),
    "wrist": (0.3, 0.2, 0.3),
    "hand": (0.02, 0.02, 0.02),
}
"""Standard deviation of each joint's axis-angle about the T-pose's in the rest body's axes (x left, y up, z ahead),
radians. In one pose a bent neck and a short one look alike: with the wide prior of people in motion the body in front
of the points was 7 mm off and at rest 21 (docs/shape.md)."""
MEAN: Final[dict[str, tuple[float, float, float]]] = {
    "left_shoulder": (0.0, 0.0, -0.7),
    "right_shoulder": (0.0, 0.0, 0.7),
    "left_elbow": (0.0, -0.2, 0.0),
    "right_elbow": (0.0, 0.2, 0.0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingPose:
    """A Gaussian about an A-pose for each axis of each joint; a term of the energy."""

    scale: float = 1.0

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the prior of every source."""
        theta = logarithm(body.state.rotations)
        information = np.broadcast_to(1 / (self.scale * _SIGMA) ** 2, theta.shape)
        force = information * (_MEAN - theta)
        J = inverse_left_jacobian(theta)
        A = np.einsum("tjki,tjk,tjkl->tjil", J, information, J)
        b = np.einsum("tjki,tjk->tji", J, force)
        for joint in range(JOINT_COUNT):
            block = slice(3 * joint, 3 * joint + 3)
            system.A[:, block, block] += A[:, joint]
            system.b[:, block] += b[:, joint]
        system.cost += 0.5 * float((information * (_MEAN - theta) ** 2).sum())


_SIGMA: Final[Float[np.ndarray, "24 3"]] = np.array([SPREAD[kind] for kind in map(without_side, JOINT_NAMES)])
_MEAN: Final[Float[np.ndarray, "24 3"]] = np.array([MEAN.get(name, (0.0, 0.0, 0.0)) for name in JOINT_NAMES])
