"""What a lifter says: how landmarks lie to each other, across the ray and along it, wherever and how large all are."""

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
    """Landmarks of a batch of bodies up to a translation of all of them, of which nothing is said, and up to a size.

    One view does not tell how large somebody is: the lifter's landmarks are compared with the body's times a factor,
    of which `size_sigma` says how far it may be from 1. Both are taken out in closed form: the term is the energy at
    the likeliest ones, and its second derivative that of the Gaussian in which they are marginalised.
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
    size_sigma: float = 0.0
    """Standard deviation of the factor about 1; 0: the lifter's metres are believed."""

    @classmethod
    def of(
        cls,
        lifted: LiftedBodies,
        points: RestBody,
        *,
        least_sigma_m: float,
        freedom: float,
        redundancy: float,
        size_sigma: float = 0.0,
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
            size_sigma=size_sigma,
        )

    def add(self, equations: Equations, states: BodyStates, frames: Frames) -> None:
        """Adds the term of every body, linearised with the t distribution's weights.

        The pose correctives' change with the pose is left out of the derivative, not of the distance.
        """
        rest, from_pelvis, factor, away, ratio = self._away(states, frames)
        information = (self.freedom + 3) / self.freedom * self.information / ratio[..., None] / self.redundancy
        _add(
            equations.A, equations.b, rest, self.points.carriers, self.points.weights, self.points.directions,
            self.axes, information, away, from_pelvis, factor, self._precision, frames.R, frames.R_parent, frames.t,
            frames.joints, frames.d_t, PARENT_ARRAY,
        )  # fmt: skip
        equations.cost[:] += 0.5 * (self.freedom + 3) / self.redundancy * np.log(ratio).sum(1)
        equations.cost[:] += 0.5 * self._precision * (factor - 1) ** 2

    def distances(self, states: BodyStates, frames: Frames) -> Float[np.ndarray, "batch landmarks"]:
        """From the bodies' landmarks to the lifter's, all moved and sized together to fit best; the lifter's metres.

        NaN for unknown ones.
        """
        distance = np.linalg.norm(self._away(states, frames)[3], axis=-1)
        return np.where((self.information > 0).all(-1), distance, np.nan)

    def rows(self, which: np.ndarray) -> RelativeTerm:
        """Of some of the bodies."""
        some: dict[str, Any] = {name: getattr(self, name)[which] for name in ("position", "axes", "information")}
        return replace(self, **some)

    @property
    def _precision(self) -> float:
        """Of the factor; 0 where it is not free."""
        return 1 / self.size_sigma**2 if self.size_sigma > 0 else 0.0

    def _away(
        self, states: BodyStates, frames: Frames
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Rest points, posed ones from the pelvis, the factor on them, what is left of the distances without the common
        translation, and the t distribution's ratio. All but the first along the axes."""
        rest = rest_points(states, self.points)
        posed = skin_clip(rest, frames.R, frames.t, self.points.carriers, self.points.weights)
        turned = self.axes.transpose(0, 2, 1)
        from_pelvis = (posed - posed[:, PELVIS : PELVIS + 1]) @ turned
        position = self.position @ turned
        factor = np.ones(len(position))
        weight = np.ones(position.shape[:2])
        away, ratio = position, weight
        for _ in range(ROUNDS):
            told = weight[..., None] * self.information / self.redundancy
            total = np.maximum(told.sum(1, keepdims=True), 1e-12)
            middle, centre = (
                (told * position).sum(1, keepdims=True) / total,
                (told * from_pelvis).sum(1, keepdims=True) / total,
            )
            if self._precision > 0:
                off = from_pelvis - centre
                alike, own = (told * off * (position - middle)).sum((1, 2)), (told * off**2).sum((1, 2))
                factor = (alike + self._precision) / (own + self._precision)
            away = position - middle - factor[:, None, None] * (from_pelvis - centre)
            ratio = 1 + (self.information * away**2).sum(-1) / self.freedom
            weight = (self.freedom + 3) / self.freedom / ratio
        return rest, from_pelvis, factor, away, ratio


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
    A, b, rest, carriers, weights, shape, axes, information, away, from_pelvis, factor, precision, R, R_parent, t,
    joints, d_t, parents,
):  # fmt: skip
    size = A.shape[1]
    first = 3 * joints.shape[1] + 3
    row, index = np.zeros(size), np.empty(size, np.int64)
    moment, weight = np.empty((joints.shape[1], 3)), np.empty(joints.shape[1])
    # three translations along the axes, and the factor
    pulled, own, force = np.empty((4, size)), np.empty((4, 4)), np.empty(4)
    for body in range(len(A)):
        pulled[:], own[:], force[:] = 0.0, 0.0, 0.0
        own[3, 3] = 1.0
        if precision > 0.0:
            own[3, 3] = precision
            force[3] = precision * (1 - factor[body])
        for k in range(3):
            own[k, k] = 1e-12
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
                row *= factor[body]
                add_row(A[body], b[body], row, w, away[body, n, k], index)
                pulled[k] += w * row
                own[k, k] += w
                force[k] += w * away[body, n, k]
                if precision > 0.0:
                    u = from_pelvis[body, n, k]
                    pulled[3] += w * u * row
                    own[3, 3] += w * u * u
                    own[3, k] += w * u
                    own[k, 3] += w * u
                    force[3] += w * u * away[body, n, k]
        taken = np.linalg.solve(own, pulled)
        for k in range(4):
            for i in range(size):
                b[body, i] -= taken[k, i] * force[k]
                for m in range(i + 1):
                    A[body, i, m] -= taken[k, i] * pulled[k, m]
        mirror(A[body])
