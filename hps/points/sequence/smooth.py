"""The temporal mode: bodies of single frames become one person's motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from body.model import BodyModel
from body.parameters import BodyParameters
from hps.errors import HpsError
from hps.points.sequence.bodies import FrameBodies
from hps.points.sequence.config import SequenceConfig
from hps.points.sequence.people import bridged, person_of_frames, stretches
from hps.points.sequence.shared_shape import SharedShape, shape_part, shape_spread, shared_shape, with_shape
from hps.points.sequence.trajectory import Trajectory, smooth_trajectory
from hps.points.unknowns import TURNS
from registration.fit.rotations import logarithm

DOUBTED = 0.3
"""Mean weight of a frame's joints below which it is said to disagree with its neighbours."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SmoothBodies:
    """One or more people's motion through a clip, in the frame of the clouds."""

    rotations: Float[np.ndarray, "frames 24 3 3"]
    """NaN, like every other array, in frames that were not seen and lie in no short gap."""
    betas: Float[np.ndarray, "frames shapes"]
    """The same in all frames of a person."""
    child: Float[np.ndarray, "frames"]
    transl: Float[np.ndarray, "frames 3"]
    covariance: Float[np.ndarray, "frames unknowns unknowns"]
    """As of `FrameBodies`; the shape's part is the same in all frames of a person, and fully correlated."""
    person: Int64[np.ndarray, "frames"]
    known: Bool[np.ndarray, "frames"]
    """Whether the frame has a body."""
    notes: tuple[str, ...]
    """By frame: what time did to it; empty for a frame that agrees with its neighbours."""

    def parameters(self, person: int = 0) -> tuple[BodyParameters, Int64[np.ndarray, "frames"]]:
        """One person's bodies, and their frames. Raises HpsError for somebody who is in no frame."""
        which = np.flatnonzero(self.known & (self.person == person))
        if not len(which):
            raise HpsError(f"there is no person {person} in the clip; it has {sorted(set(self.person[self.known]))}")
        angles = logarithm(self.rotations[which]).reshape(-1, TURNS)
        return (
            BodyParameters(
                betas=self.betas[which[0]],
                global_orient=angles[:, :3],
                body_pose=angles[:, 3:],
                transl=self.transl[which],
                child=float(self.child[which[0]]),
            ),
            which,
        )

    def joints(self, model: BodyModel) -> Float[np.ndarray, "frames 24 3"]:
        """SMPL's joints, metres; NaN where there is no body."""
        out = np.full((len(self.known), 24, 3), np.nan)
        for person in np.unique(self.person[self.known]):
            parameters, which = self.parameters(int(person))
            out[which] = model.pose(parameters).joints
        return out


def smooth_bodies(
    bodies: FrameBodies, people: Sequence[str] | None = None, config: SequenceConfig | None = None
) -> SmoothBodies:
    """One shape for each person, and a motion that goes as people do through frames that may be wrong or missing.

    The shape is the product of the frames' Gaussians; each frame's pose is moved to it along its own covariance; a
    Rauch–Tung–Striebel smoother with nearly constant velocity then weighs frames against each other. Nothing is
    smoothed from one person to another, nor across gaps longer than `longest_gap_s`.

    people: who each frame shows, where a tracker knows it. Raises HpsError when no frame was seen.
    """
    config = config or SequenceConfig()
    if not bodies.seen.any():
        raise HpsError(f"none of the {len(bodies)} frames has a body; check the clouds, or choose other frames")
    person = person_of_frames(bodies, people, config)
    out = _Arrays(bodies)
    shapes: dict[int, tuple[SharedShape, FrameBodies, np.ndarray]] = {}
    for number in np.unique(person[bodies.seen]):
        which = np.flatnonzero(person == number)
        own = bodies.rows(which)
        shape = shared_shape(own, config)
        shapes[int(number)] = shape, with_shape(own, shape), which
    parts = stretches(bodies, person, config)
    for part in parts:
        shape, own, which = shapes[int(person[part[0]])]
        inside = own.rows(np.searchsorted(which, part))
        out.put(part, inside, smooth_trajectory(inside, config), shape, bodies.rows(part))
    return out.done(person, bridged(bodies.seen, parts))


class _Arrays:
    """The result while it is put together."""

    def __init__(self, bodies: FrameBodies) -> None:
        frames, unknowns = bodies.covariance.shape[:2]
        self.seen = bodies.seen
        self.rotations = np.full((frames, 24, 3, 3), np.nan)
        self.betas = np.full(bodies.betas.shape, np.nan)
        self.child, self.transl = np.full(frames, np.nan), np.full((frames, 3), np.nan)
        self.covariance = np.full((frames, unknowns, unknowns), np.nan)
        self.weight = np.zeros(frames)

    def put(
        self, part: np.ndarray, given: FrameBodies, motion: Trajectory, shape: SharedShape, before: FrameBodies
    ) -> None:
        """One stretch."""
        self.rotations[part], self.transl[part] = motion.rotations, motion.transl
        self.betas[part], self.child[part] = given.betas, given.child
        s, unknowns = shape_part(given), given.covariance.shape[1]
        others = np.r_[: s.start, s.stop : unknowns]
        covariance = shape_spread(before, shape)
        covariance[:, others[:, None], others] += motion.covariance
        self.covariance[part] = covariance
        self.weight[part] = motion.weight.mean(1)

    def done(self, person: np.ndarray, gaps: np.ndarray) -> SmoothBodies:
        known = np.asarray(np.isfinite(self.transl).all(1))
        notes = []
        for t in range(len(known)):
            if gaps[t]:
                notes.append("not seen: bridged from the frames around it")
            elif not known[t]:
                notes.append("not seen, and too far from frames that were")
            elif self.weight[t] < DOUBTED:
                notes.append(f"disagrees with the frames around it (believed to {self.weight[t]:.0%})")
            else:
                notes.append("")
        return SmoothBodies(
            rotations=self.rotations, betas=self.betas, child=self.child, transl=self.transl,
            covariance=self.covariance, person=person.astype(np.int64), known=known, notes=tuple(notes),
        )  # fmt: skip
