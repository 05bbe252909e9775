"""What a cloud says: each of its points, moved onto the skin, lies in the plane of the skin nearest to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np
from jaxtyping import Float, Int64

from hps.points.fitting.body import FitBody
from hps.points.fitting.equations import Equations
from hps.points.fitting.skin import PosedSkin, nearest_skin, posed_skin
from hps.points.fitting.state import PARENT_ARRAY, BodyStates
from registration.fit import robust
from registration.fit.accumulate import add_row, mirror
from registration.fit.posing import Frames
from registration.fit.posing_kernels import add_shape_row, collect_point, finish_row


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SurfaceTerm:
    """Points of a batch of bodies, already on the skin as far as it was foretold."""

    body: FitBody
    points: Float[np.ndarray, "batch points 3"]
    group: Int64[np.ndarray, "batch points"]
    """Part whose skin it is, ANY_PART, or -1 for a point that says nothing."""
    rays: Float[np.ndarray, "batch points 3"]
    sigma: Float[np.ndarray, "batch points"]
    share: Float[np.ndarray, "batch"]
    """What each of a cloud's points counts, because they err together."""
    kernel: float
    """In standard deviations."""
    reach_m: float

    def add(self, equations: Equations, states: BodyStates, frames: Frames) -> None:
        """Adds the term of every body: point-to-plane distances under Geman-McClure's cost.

        A point without skin within reach costs as much as one that is far off, and pulls at nothing.
        """
        skin, found, normals, along = self._matched(states, frames)
        matched, told = found >= 0, self.group >= 0
        squared = np.where(matched, (along / self.sigma) ** 2, 0.0)
        weight = np.where(matched, robust.weight(squared, self.kernel), 0.0)
        cost = np.where(matched, robust.cost(squared, self.kernel), 0.5 * self.kernel**2)
        m = self.body.skin
        _add(
            equations.A, equations.b, found, skin.rest, m.carriers, m.weights, m.directions, normals,
            self.share[:, None] * weight / self.sigma**2, along,
            frames.R, frames.R_parent, frames.t, frames.joints, frames.d_t, PARENT_ARRAY,
        )  # fmt: skip
        equations.cost[:] += self.share * np.where(told, cost, 0.0).sum(1)

    def distances(self, states: BodyStates, frames: Frames) -> Float[np.ndarray, "batch points"]:
        """Signed, outward, from the skin's plane to each point, metres; NaN for points without skin within reach."""
        _, found, _, along = self._matched(states, frames)
        return np.where(found >= 0, along, np.nan)

    def rows(self, which: np.ndarray) -> SurfaceTerm:
        """Of some of the bodies."""
        names = ("points", "group", "rays", "sigma", "share")
        return replace(self, **{name: getattr(self, name)[which] for name in names})

    def thinned(self, most: int) -> SurfaceTerm:
        """With at most so many of each body's points that say anything, evenly taken; all together count as before."""
        told = (self.group >= 0).sum(1)
        if told.max(initial=0) <= most:
            return self
        order = np.argsort(self.group < 0, axis=1, kind="stable")
        place = np.minimum(np.arange(most) * np.maximum(told / most, 1.0)[:, None], self.group.shape[1] - 1)
        which = np.take_along_axis(order, place.astype(np.int64), 1)
        kept = np.minimum(told, most)
        return replace(
            self,
            points=np.take_along_axis(self.points, which[..., None], 1),
            rays=np.take_along_axis(self.rays, which[..., None], 1),
            group=np.where(np.arange(most) < kept[:, None], np.take_along_axis(self.group, which, 1), -1),
            sigma=np.take_along_axis(self.sigma, which, 1),
            share=self.share * np.maximum(told, 1) / np.maximum(kept, 1),
        )

    def repeated(self, times: int) -> SurfaceTerm:
        """The same points for several starts of one body."""
        return self.rows(np.zeros(times, np.int64))

    def _matched(self, states: BodyStates, frames: Frames) -> tuple[PosedSkin, np.ndarray, np.ndarray, np.ndarray]:
        skin = posed_skin(self.body, states, frames)
        found = nearest_skin(self.body, skin, self.points, self.group, self.rays, self.reach_m)
        at = np.maximum(found, 0)[..., None]
        normals = np.take_along_axis(skin.normals, at, 1)
        away = self.points - np.take_along_axis(skin.vertices, at, 1)
        return skin, found, normals, (away * normals).sum(-1)


@numba.njit(cache=True, nogil=True)
def _add(
    A, b, found, rest, carriers, weights, shape, directions, information, along, R, R_parent, t, joints, d_t, parents
):  # fmt: skip
    size = A.shape[1]
    first = 3 * joints.shape[1] + 3
    row, index = np.zeros(size), np.empty(size, np.int64)
    moment, weight = np.empty((joints.shape[1], 3)), np.empty(joints.shape[1])
    for body in range(len(A)):
        for n in range(found.shape[1]):
            v = found[body, n]
            if v < 0 or information[body, n] <= 0.0:
                continue
            row[:] = 0.0
            moment[:], weight[:] = 0.0, 0.0
            collect_point(rest[body, v], 1.0, carriers[v], weights[v], R[body], t[body], moment, weight)
            add_shape_row(1.0, carriers[v], weights[v], shape[v], directions[body, n], R[body], row, first)
            finish_row(moment, weight, directions[body, n], R_parent[body], joints[body], d_t[body], parents, row)
            add_row(A[body], b[body], row, information[body, n], along[body, n], index)
        mirror(A[body])
