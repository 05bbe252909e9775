"""What painted points say of a body: how deep its keypoints lie along their rays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numba
import numpy as np
from jaxtyping import Float

from hps.points.fitting.equations import Equations
from hps.points.fitting.state import PARENT_ARRAY, BodyStates, rest_points
from hps.rgbd.painting import JointDepths
from registration.fit.accumulate import add_row, mirror
from registration.fit.posing import Frames
from registration.fit.posing_kernels import add_shape_row, collect_point, finish_row, skin_clip
from registration.fit.rest import RestBody


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointDepthTerm:
    """Depths of the keypoints of a batch of bodies, in the frame of the bodies."""

    target: Float[np.ndarray, "batch keypoints 3"]
    direction: Float[np.ndarray, "batch keypoints 3"]
    """Unit vectors along the rays."""
    information: Float[np.ndarray, "batch keypoints"]
    """1 / sigma², 1/m²; 0 where nothing is known."""
    points: RestBody
    """The keypoints as points that joints carry."""
    freedom: float
    """Of the t distribution of a depth's error over its sigma."""

    @classmethod
    def of(
        cls, depths: Sequence[JointDepths], points: RestBody, spread_m: np.ndarray, freedom: float
    ) -> JointDepthTerm:
        """Of several bodies. spread_m: how far what the detector means lies from the body's point, along each axis."""
        sigma = np.stack([one.sigma for one in depths])
        return cls(
            target=np.stack([one.target for one in depths]),
            direction=np.stack([one.direction for one in depths]),
            information=1 / (sigma**2 + spread_m**2),
            points=points,
            freedom=freedom,
        )

    def add(self, equations: Equations, states: BodyStates, frames: Frames) -> None:
        """Adds the term of every body, linearised with the t distribution's weights."""
        rest, along = self._along(states, frames)
        ratio = 1 + along**2 * self.information / self.freedom
        information = (self.freedom + 1) / self.freedom * self.information / ratio
        _add(
            equations.A, equations.b, rest, self.points.carriers, self.points.weights, self.points.directions,
            information, along, self.direction, frames.R, frames.R_parent, frames.t, frames.joints, frames.d_t,
            PARENT_ARRAY,
        )  # fmt: skip
        equations.cost[:] += 0.5 * (self.freedom + 1) * np.log(ratio).sum(1)

    def rows(self, which: np.ndarray) -> JointDepthTerm:
        """Of some of the bodies."""
        return replace(
            self, target=self.target[which], direction=self.direction[which], information=self.information[which]
        )

    def _along(self, states: BodyStates, frames: Frames) -> tuple[np.ndarray, np.ndarray]:
        """Rest points, and how far along the ray the targets lie behind the bodies' points."""
        rest = rest_points(states, self.points)
        p = skin_clip(rest, frames.R, frames.t, self.points.carriers, self.points.weights)
        return rest, ((self.target - p) * self.direction).sum(-1) * (self.information > 0)


@numba.njit(cache=True, nogil=True)
def _add(
    A, b, rest, carriers, weights, shape, information, along, direction, R, R_parent, t, joints, d_t, parents
):  # fmt: skip
    size = A.shape[1]
    first = 3 * joints.shape[1] + 3
    row, index = np.zeros(size), np.empty(size, np.int64)
    moment, weight = np.empty((joints.shape[1], 3)), np.empty(joints.shape[1])
    for body in range(len(A)):
        for n in range(rest.shape[1]):
            if information[body, n] <= 0.0:
                continue
            row[:] = 0.0
            moment[:], weight[:] = 0.0, 0.0
            collect_point(rest[body, n], 1.0, carriers[n], weights[n], R[body], t[body], moment, weight)
            add_shape_row(1.0, carriers[n], weights[n], shape[n], direction[body, n], R[body], row, first)
            finish_row(moment, weight, direction[body, n], R_parent[body], joints[body], d_t[body], parents, row)
            add_row(A[body], b[body], row, information[body, n], along[body, n], index)
        mirror(A[body])
