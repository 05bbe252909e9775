"""What landmarks say: each lies about where the network placed it, with a t-distributed error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np
from jaxtyping import Float

from hps.points.fitting.equations import Equations
from hps.points.fitting.state import PARENT_ARRAY, BodyStates, rest_points
from registration.fit.accumulate import add_row, mirror
from registration.fit.posing import Frames
from registration.fit.posing_kernels import add_shape_row, collect_point, finish_row, skin_clip
from registration.fit.rest import RestBody


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LandmarkTerm:
    """Landmarks of a batch of bodies."""

    position: Float[np.ndarray, "batch landmarks 3"]
    information: Float[np.ndarray, "batch landmarks"]
    """1 / sigma², 1/m²; 0 for those that are not known."""
    points: RestBody
    freedom: float
    redundancy: float

    def add(self, equations: Equations, states: BodyStates, frames: Frames) -> None:
        """Adds the term of every body, linearised with the t distribution's weights.

        The pose correctives' change with the pose is left out of the derivative, not of the distance.
        """
        rest, away = self._away(states, frames)
        ratio = 1 + (away**2).sum(-1) * self.information / self.freedom
        information = (self.freedom + 3) / self.freedom * self.information / ratio / self.redundancy
        _add(
            equations.A, equations.b, rest, self.points.carriers, self.points.weights, self.points.directions,
            information, away, frames.R, frames.R_parent, frames.t, frames.joints, frames.d_t, PARENT_ARRAY,
        )  # fmt: skip
        equations.cost[:] += 0.5 * (self.freedom + 3) / self.redundancy * np.log(ratio).sum(1)

    def distances(self, states: BodyStates, frames: Frames) -> Float[np.ndarray, "batch landmarks"]:
        """From the bodies' landmarks to the given ones, metres."""
        return np.linalg.norm(self._away(states, frames)[1], axis=-1)

    def rows(self, which: np.ndarray) -> LandmarkTerm:
        """Of some of the bodies."""
        return replace(self, position=self.position[which], information=self.information[which])

    def _away(self, states: BodyStates, frames: Frames) -> tuple[np.ndarray, np.ndarray]:
        rest = rest_points(states, self.points)
        return rest, self.position - skin_clip(rest, frames.R, frames.t, self.points.carriers, self.points.weights)


@numba.njit(cache=True, nogil=True)
def _add(A, b, rest, carriers, weights, shape, information, away, R, R_parent, t, joints, d_t, parents):
    size = A.shape[1]
    first = 3 * joints.shape[1] + 3
    row, index = np.zeros(size), np.empty(size, np.int64)
    moment, weight = np.empty((joints.shape[1], 3)), np.empty(joints.shape[1])
    direction = np.zeros(3)
    for body in range(len(A)):
        for n in range(rest.shape[1]):
            if information[body, n] <= 0.0:
                continue
            for k in range(3):
                direction[:] = 0.0
                direction[k] = 1.0
                row[:] = 0.0
                moment[:], weight[:] = 0.0, 0.0
                collect_point(rest[body, n], 1.0, carriers[n], weights[n], R[body], t[body], moment, weight)
                add_shape_row(1.0, carriers[n], weights[n], shape[n], direction, R[body], row, first)
                finish_row(moment, weight, direction, R_parent[body], joints[body], d_t[body], parents, row)
                add_row(A[body], b[body], row, information[body, n], away[body, n, k], index)
        mirror(A[body])
