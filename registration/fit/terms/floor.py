"""Feet and floor: nothing goes through it, and a foot that stands on it stands still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int64

from body.joints import JOINT_INDEX
from body.model import BodyModel
from registration.fit.posing import PosedClip
from registration.fit.system import NormalEquations

NEAR_M: Final = 0.05
"""A sole lower than this may stand on the floor: shoes, a floor that is some millimetres off, a foot that rolls."""
SLOW_M_S: Final = 0.25
"""And must be slower than this over the floor: 8 mm from one frame to the next at 30 Hz, of which the fit's own noise
is up to 3 mm. Swinging feet of walkers go at 2 m/s and more."""
SLIDE_M: Final = 0.001
"""Standard deviation of what a standing sole point moves from one frame to the next."""
SLIDE_KERNEL_M: Final = 0.003
"""Of its outliers (Geman-McClure): a foot that turns on the spot is low and slow, and does not stand."""
UNDER_SIGMA_M: Final = 0.004
"""Of skin under the floor: flesh gives way, and a calibrated floor is 2 to 3 mm off."""
STAND_SIGMA_M: Final = 0.01
"""Of the height of a standing sole point: bare soles are up to 10 mm from flat, shoes 3 to 10 mm thick inside."""
POINTS_OF_A_PATCH: Final = 3
LOWEST: Final = 40
"""Points of a frame under the floor that are pushed up: the deepest ones."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Soles:
    """Vertices under heel, ball and toes of both feet."""

    vertices: Int64[np.ndarray, "patches points"]
    """A few of each patch: left heel, left ball, right heel, right ball."""

    @classmethod
    def of(cls, model: BodyModel) -> Soles:
        """The lowest vertices of the mean rest body's feet: behind the ankle, and ahead of the foot's joint."""
        rest, joints = np.asarray(model.v_template, np.float64), model.rest_joints()
        mover = np.asarray(model.weights).argmax(1)
        patches = []
        for side in ("left", "right"):
            foot = np.isin(mover, [JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]])
            low = foot & (rest[:, 1] < rest[foot, 1].min() + 0.02)
            behind, ahead = (joints[JOINT_INDEX[f"{side}_{name}"], 2] for name in ("ankle", "foot"))
            for some in (low & (rest[:, 2] < behind), low & (rest[:, 2] > ahead)):
                patches.append(_spread(rest, np.flatnonzero(some)))
        return cls(vertices=np.array(patches))


def _spread(rest: Float[np.ndarray, "vertices 3"], among: Int64[np.ndarray, "some"]) -> Int64[np.ndarray, "points"]:
    """Vertices far from each other in the floor's plane, the lowest first."""
    chosen = [int(among[rest[among, 1].argmin()])]
    while len(chosen) < POINTS_OF_A_PATCH:
        apart = np.linalg.norm(rest[among][:, None, [0, 2]] - rest[chosen][None, :, [0, 2]], axis=-1).min(1)
        chosen.append(int(among[apart.argmax()]))
    return np.array(chosen, np.int64)


def standing(body: PosedClip, soles: Soles, step_s: float) -> Bool[np.ndarray, "frames patches"]:
    """Whether each patch of the soles stands on the floor from a frame to the next: low and slow in both.

    The last frame of a clip has the answer of the one before.
    """
    points = body.vertices[:, soles.vertices]
    low = points[..., 2].mean(-1) < NEAR_M
    out = np.zeros(low.shape, bool)
    if len(points) > 1:
        slid = np.linalg.norm(np.diff(points[..., :2].mean(2), axis=0), axis=-1) < SLOW_M_S * step_s
        out[:-1] = low[:-1] & low[1:] & slid
        out[-1] = out[-2]
    return out


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Floor:
    """The floor z = 0 under a clip: standing sole points keep their place and are near it, no skin is under it."""

    soles: Soles
    stands: Bool[np.ndarray, "frames patches"]
    """As `standing` says of an earlier estimate; only then."""

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds all three parts."""
        self._add_slides(system, body)
        self._add_heights(system, body)

    def _add_slides(self, system: NormalEquations, body: PosedClip) -> None:
        weight = 1 / SLIDE_M**2 / POINTS_OF_A_PATCH
        for t in np.flatnonzero(self.stands[:-1].any(1)):
            points = self.soles.vertices[self.stands[t]].ravel()
            vertices, direction = np.repeat(points, 2), np.tile(np.eye(3)[:2], (len(points), 1))
            slid = body.vertices[t + 1, points, :2] - body.vertices[t, points, :2]
            robust = SLIDE_KERNEL_M**2 / (SLIDE_KERNEL_M**2 + (slid**2).sum(1))
            cost = float(0.5 * weight * (robust * (slid**2).sum(1)).sum())
            same = np.full(len(vertices), t)
            now = -body.vertex_rows(same, vertices, direction)
            later = body.vertex_rows(same + 1, vertices, direction)
            system.add_between(int(t), now, later, weight * np.repeat(robust**2, 2), -slid.ravel(), cost)

    def _add_heights(self, system: NormalEquations, body: PosedClip) -> None:
        z = body.vertices[..., 2]
        frames, vertices, heights, weights = [], [], [], []
        for t in range(len(body)):
            points = self.soles.vertices[self.stands[t]].ravel()
            under = np.flatnonzero(z[t] < 0)
            every = len(under)
            under = under[np.argsort(z[t, under])[:LOWEST]]
            # all together push like a dozen points, however fine the mesh is
            share = min(1.0, 12 / max(every, 1))
            frames += [t] * (len(points) + len(under))
            vertices += [*points, *under]
            heights += [*z[t, points], *z[t, under]]
            weights += [1 / STAND_SIGMA_M**2 / POINTS_OF_A_PATCH] * len(points) + [share / UNDER_SIGMA_M**2] * len(
                under
            )
        if frames:
            height, weight = np.array(heights), np.array(weights)
            rows = body.vertex_rows(np.array(frames), np.array(vertices), np.tile([0.0, 0.0, 1.0], (len(frames), 1)))
            system.add_rows(np.array(frames), rows, weight, -height, float(0.5 * (weight * height**2).sum()))
