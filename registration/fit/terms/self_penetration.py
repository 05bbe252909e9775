"""Limbs do not go through the body: balls along the bones push each other apart where they overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from body.joints import JOINT_INDEX, JOINT_NAMES, PARENTS, without_side
from body.model import BodyModel
from registration.fit.posing import PosedClip
from registration.fit.system import NormalEquations

FLESH_M: Final = 0.025
"""Balls may overlap that much: flesh gives way, and balls are rounder than limbs. With half of it, and radii of the
30th percentile, a boxer's arms were pushed off his chest: 10.5 mm of PVE instead of 8.4."""
SIGMA_M: Final = 0.01
"""Of an overlap beyond that."""
APART_M: Final = 0.02
"""Balls nearer than this in the T-pose are neighbours: they may overlap when a joint bends."""
THICKNESS: Final = 10
"""Percentile of the distances of a slice's skin from its middle that is a ball's radius: within the flesh."""
SLICES: Final = {"knee": 5, "hip": 5, "elbow": 4, "shoulder": 4, "wrist": 2, "ankle": 2, "pelvis": 1, "head": 1}
_SIDEWAYS: Final = {"pelvis": 3, "spine1": 3, "spine2": 3, "spine3": 3}
"""Balls beside each other: a trunk is wider than deep."""
_LEAST_VERTICES: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Balls:
    """Balls inside the flesh, each moving with one joint."""

    members: tuple[Int64[np.ndarray, "_"], ...]
    """Vertices around each ball, whose middle and thickness are its own."""
    joint: Int64[np.ndarray, "balls"]
    pairs: Int64[np.ndarray, "pairs 2"]
    """Balls that must not overlap."""

    @classmethod
    def of(cls, model: BodyModel) -> Balls:
        """Balls of the model's trunk, head and limbs, cut across the bones."""
        rest, mover = np.asarray(model.v_template, np.float64), np.asarray(model.weights).argmax(1)
        J = model.rest_joints()
        members, joints = [], []
        for joint, name in enumerate(JOINT_NAMES):
            kind = without_side(name)
            if kind in ("collar", "foot", "hand", "neck"):
                continue
            own = np.flatnonzero(_owners(mover) == joint)
            for some in _cut(rest, own, _bone(J, joint), SLICES.get(kind, 1)):
                for part in _cut(rest, some, np.array([1.0, 0.0, 0.0]), _SIDEWAYS.get(kind, 1)):
                    if len(part) >= _LEAST_VERTICES:
                        members.append(part)
                        joints.append(joint)
        joint = np.array(joints, np.int64)
        middle, radius = _middles(rest, tuple(members))
        first, second = np.triu_indices(len(members), 1)
        gap = np.linalg.norm(middle[first] - middle[second], axis=1) - radius[first] - radius[second]
        trunk = np.array([_is_trunk(int(j)) for j in joint])
        root = np.array([JOINT_NAMES[j].endswith(("shoulder", "hip")) for j in joint])
        # upper arms and thighs lie against the trunk whenever they hang or sit
        free = (gap > APART_M) & ~((trunk | root)[first] & trunk[second]) & ~(trunk[first] & (trunk | root)[second])
        near = [a == b or PARENTS[a] == b or PARENTS[b] == a for a, b in zip(joint[first], joint[second])]
        free &= ~np.array(near)
        return cls(members=tuple(members), joint=joint, pairs=np.stack([first[free], second[free]], 1))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SelfPenetration:
    """Half the squared overlap of the balls beyond what flesh gives way, in standard deviations."""

    balls: Balls
    sigma_m: float = SIGMA_M

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds all overlaps of all frames."""
        shaped = body.model.shaped(body.state.coefficients)
        rest, radius = _middles(shaped, self.balls.members)
        f, joint = body.frames, self.balls.joint
        middle = np.einsum("tbij,bj->tbi", f.R[:, joint], rest) + f.t[:, joint]
        first, second = self.balls.pairs.T
        apart = middle[:, first] - middle[:, second]
        distance = np.linalg.norm(apart, axis=-1)
        overlap = radius[first] + radius[second] - FLESH_M - distance
        frame, pair = np.nonzero(overlap > 0)
        if not len(frame):
            return
        beyond = overlap[frame, pair]
        direction = apart[frame, pair] / np.maximum(distance[frame, pair], 1e-6)[:, None]
        rows = self._rows(body, frame, first[pair], rest, direction)
        rows -= self._rows(body, frame, second[pair], rest, direction)
        information = np.full(len(beyond), 1 / self.sigma_m**2)
        system.add_rows(frame, rows, information, beyond, 0.5 * float((beyond**2).sum()) / self.sigma_m**2)

    def _rows(
        self, body: PosedClip, frame: np.ndarray, ball: np.ndarray, rest: np.ndarray, direction: np.ndarray
    ) -> Float[np.ndarray, "rows unknowns"]:
        directions = {b: body.model.directions[self.balls.members[b]].mean(0) for b in np.unique(ball)}
        shape = np.stack([directions[b] for b in ball])
        return body.point_rows(frame, rest[ball], self.balls.joint[ball], shape, direction)


def _owners(mover: Int64[np.ndarray, "vertices"]) -> Int64[np.ndarray, "vertices"]:
    """Fingers go with the wrist, toes with the ankle."""
    taken = np.arange(len(JOINT_NAMES))
    for side in ("left", "right"):
        taken[JOINT_INDEX[f"{side}_hand"]] = JOINT_INDEX[f"{side}_wrist"]
        taken[JOINT_INDEX[f"{side}_foot"]] = JOINT_INDEX[f"{side}_ankle"]
    return taken[mover]


def _is_trunk(joint: int) -> bool:
    return JOINT_NAMES[joint] in ("pelvis", "spine1", "spine2", "spine3", "head")


def _bone(J: Float[np.ndarray, "24 3"], joint: int) -> Float[np.ndarray, "3"]:
    """From a joint to the mean of those that hang on it."""
    children = [k for k, parent in enumerate(PARENTS) if parent == joint]
    along = J[children].mean(0) - J[joint] if children else J[joint] - J[PARENTS[joint]]
    return along / np.linalg.norm(along)


def _cut(
    rest: Float[np.ndarray, "vertices 3"], own: Int64[np.ndarray, "some"], axis: Float[np.ndarray, "3"], count: int
) -> list[Int64[np.ndarray, "_"]]:
    """Slices of the same length across an axis."""
    if count == 1 or not len(own):
        return [own]
    along = rest[own] @ axis
    number = np.floor((along - along.min()) / (np.ptp(along) + 1e-9) * count).astype(int)
    return [own[number == k] for k in range(count)]


def _middles(
    rest: Float[np.ndarray, "vertices 3"], members: tuple[np.ndarray, ...]
) -> tuple[Float[np.ndarray, "balls 3"], Float[np.ndarray, "balls"]]:
    """Middles and radii at rest, metres."""
    middle = np.array([rest[some].mean(0) for some in members])
    radius = [np.percentile(np.linalg.norm(rest[some] - m, axis=1), THICKNESS) for some, m in zip(members, middle)]
    return middle, np.array(radius)
