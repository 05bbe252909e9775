"""What a lifter says: how landmarks lie to each other, across the ray and along it, wherever all of them are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numba
import numpy as np
from jaxtyping import Float

from body.joints import JOINT_INDEX
from hps.points.fitting.equations import Equations
from hps.points.fitting.state import PARENT_ARRAY, BodyStates, rest_points
from hps.rgb.lifted import LiftedBodies
from registration.fit.accumulate import add_row, mirror
from registration.fit.posing import Frames
from registration.fit.posing_kernels import add_shape_row, collect_point, finish_row, skin_clip
from registration.fit.rest import RestBody

PELVIS: Final = JOINT_INDEX["pelvis"]
ROUNDS: Final = 6
"""Of weighing landmarks and finding the common translation again: it then moves by less than a millimetre."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RelativeTerm:
    """Landmarks of a batch of bodies up to a translation of all of them, of which nothing is said.

    The translation is taken out in closed form: the term is the energy at the likeliest one, and its second derivative
    that of the Gaussian in which it is marginalised.
    """

    position: Float[np.ndarray, "batch landmarks 3"]
    """From the pelvis."""
    axes: Float[np.ndarray, "batch 3 3"]
    """Rows: two directions across the pelvis's ray, and the ray."""
    information: Float[np.ndarray, "batch landmarks 3"]
    """1 / sigma² along each of the axes, 1/m²; 0 for landmarks that are not known."""
    points: RestBody
    freedom: float
    redundancy: float

    @classmethod
    def of(
        cls, lifted: LiftedBodies, points: RestBody, *, least_sigma_m: float, freedom: float, redundancy: float
    ) -> RelativeTerm:
        """What the lifter says. The pelvis has no error from itself and says nothing."""
        sigma = np.maximum(_array(lifted.sigma), least_sigma_m)
        information = 1 / sigma[..., [0, 0, 1]] ** 2
        information[:, PELVIS] = 0.0
        return cls(
            position=_array(lifted.relative),
            axes=ray_axes(_array(lifted.root)),
            information=information,
            points=points,
            freedom=freedom,
            redundancy=redundancy,
        )

    def add(self, equations: Equations, states: BodyStates, frames: Frames) -> None:
        """Adds the term of every body, linearised with the t distribution's weights.

        The pose correctives' change with the pose is left out of the derivative, not of the distance.
        """
        rest, away, ratio = self._away(states, frames)
        information = (self.freedom + 3) / self.freedom * self.information / ratio[..., None] / self.redundancy
        _add(
            equations.A, equations.b, rest, self.points.carriers, self.points.weights, self.points.directions,
            self.axes, information, away, frames.R, frames.R_parent, frames.t, frames.joints, frames.d_t, PARENT_ARRAY,
        )  # fmt: skip
        equations.cost[:] += 0.5 * (self.freedom + 3) / self.redundancy * np.log(ratio).sum(1)

    def distances(self, states: BodyStates, frames: Frames) -> Float[np.ndarray, "batch landmarks"]:
        """From the bodies' landmarks to the lifter's, all moved together to fit best; metres, NaN for unknown ones."""
        distance = np.linalg.norm(self._away(states, frames)[1], axis=-1)
        return np.where((self.information > 0).all(-1), distance, np.nan)

    def rows(self, which: np.ndarray) -> RelativeTerm:
        """Of some of the bodies."""
        some: dict[str, Any] = {name: getattr(self, name)[which] for name in ("position", "axes", "information")}
        return replace(self, **some)

    def _away(self, states: BodyStates, frames: Frames) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rest points, distances along the axes without the common translation, and the t distribution's ratio."""
        rest = rest_points(states, self.points)
        posed = skin_clip(rest, frames.R, frames.t, self.points.carriers, self.points.weights)
        apart = (self.position - posed) @ self.axes.transpose(0, 2, 1)
        weight = np.ones(apart.shape[:2])
        away, ratio = apart, weight
        for _ in range(ROUNDS):
            told = weight[..., None] * self.information
            away = apart - (told * apart).sum(1, keepdims=True) / np.maximum(told.sum(1, keepdims=True), 1e-12)
            ratio = 1 + (self.information * away**2).sum(-1) / self.freedom
            weight = 1 / ratio
        return rest, away, ratio


def ray_axes(root: Float[np.ndarray, "batch 3"]) -> Float[np.ndarray, "batch 3 3"]:
    """Two unit vectors across the ray to each point, and the ray's own, as rows of a rotation."""
    ray = root / np.linalg.norm(root, axis=-1, keepdims=True)
    down = np.where(np.abs(ray[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    side = np.cross(down, ray)
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    return np.stack([side, np.cross(ray, side), ray], 1)


def _array(tensor: Any) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().double().numpy())


@numba.njit(cache=True, nogil=True)
def _add(
    A, b, rest, carriers, weights, shape, axes, information, away, R, R_parent, t, joints, d_t, parents
):  # fmt: skip
    size = A.shape[1]
    first = 3 * joints.shape[1] + 3
    row, index = np.zeros(size), np.empty(size, np.int64)
    moment, weight = np.empty((joints.shape[1], 3)), np.empty(joints.shape[1])
    pulled, total, force = np.empty((3, size)), np.empty(3), np.empty(3)
    for body in range(len(A)):
        pulled[:], total[:], force[:] = 0.0, 0.0, 0.0
        for n in range(rest.shape[1]):
            for k in range(3):
                w = information[body, n, k]
                if w <= 0.0:
                    continue
                direction = axes[body, k]
                row[:] = 0.0
                moment[:], weight[:] = 0.0, 0.0
                collect_point(rest[body, n], 1.0, carriers[n], weights[n], R[body], t[body], moment, weight)
                add_shape_row(1.0, carriers[n], weights[n], shape[n], direction, R[body], row, first)
                finish_row(moment, weight, direction, R_parent[body], joints[body], d_t[body], parents, row)
                add_row(A[body], b[body], row, w, away[body, n, k], index)
                pulled[k] += w * row
                total[k] += w
                force[k] += w * away[body, n, k]
        for k in range(3):
            if total[k] > 0.0:
                for i in range(size):
                    b[body, i] -= pulled[k, i] * force[k] / total[k]
                    for m in range(i + 1):
                        A[body, i, m] -= pulled[k, i] * pulled[k, m] / total[k]
        mirror(A[body])
