"""Motions to train on that reach beyond what was recorded: limbs anywhere within human limits, bodies tipped over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp

from body.joints import JOINT_INDEX, PARENTS
from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits
from body.motion.library import MotionLibrary

FREE: Final = 0.5
"""Share of motions that are changed."""
LIMB: Final = 0.6
"""Share of the limbs, and of trunks, of a changed motion that go where nobody was recorded."""
RANGES: Final = (0.4, 1.0)
"""Middle share of the joints' ranges in which such poses lie, drawn for each motion."""
TIPPED: Final = 0.4
"""Share of changed motions whose body is tipped over, as of people who crawl, lie or tumble."""
MOST_TIPPED_DEG: Final = 110.0


def _below(root: str) -> tuple[int, ...]:
    chosen = [JOINT_INDEX[root]]
    for joint, parent in enumerate(PARENTS):
        if parent in chosen:
            chosen.append(joint)
    return tuple(chosen)


PIECES: Final = (
    _below("left_collar"),
    _below("right_collar"),
    _below("left_hip"),
    _below("right_hip"),
    tuple(JOINT_INDEX[name] for name in ("spine1", "spine2", "spine3", "neck", "head")),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class WideMotions(MotionLibrary):
    """A library half of whose draws are changed; for training alone, as no person was seen to move so."""

    def draw(
        self,
        rng: np.random.Generator,
        split: str,
        seconds: float,
        rate_hz: float,
        recipe: str | None = None,
        within_m: float | None = None,
    ) -> MotionClip:
        """As MotionLibrary.draw; limbs that then go through the body are for whoever takes the clip to repair."""
        clip = super().draw(rng, split, seconds, rate_hz, recipe, within_m)
        if rng.random() >= FREE:
            return clip
        rotations = clip.rotations.copy()
        ends = human_limits().sample(rng, 2, float(rng.uniform(*RANGES)))
        for piece in PIECES:
            if rng.random() < LIMB:
                for joint in piece:
                    rotations[:, joint] = _between(ends[0, joint], ends[1, joint], len(clip))
        tipped = rng.random() < TIPPED
        if tipped:
            rotations[:, 0] = (_tip(rng) * Rotation.from_rotvec(rotations[:, 0])).as_rotvec()
        return replace(
            clip, rotations=rotations, loops=False, description={**clip.description, "free": True, "tipped": tipped}
        )


def wide(library: MotionLibrary) -> WideMotions:
    """The same source clips, with what is added to them."""
    return WideMotions(entries=library.entries)


def _between(first: np.ndarray, last: np.ndarray, frames: int) -> Float[np.ndarray, "frames 3"]:
    ends = Rotation.from_rotvec(np.stack([first, last]))
    return Slerp([0, 1], ends)(np.linspace(0, 1, frames)).as_rotvec()


def _tip(rng: np.random.Generator) -> Rotation:
    """A turn about a horizontal axis of the clip's world, y up."""
    way = rng.uniform(0, 2 * np.pi)
    angle = np.radians(MOST_TIPPED_DEG) * rng.uniform(0.2, 1.0)
    return Rotation.from_rotvec(angle * np.array([np.cos(way), 0.0, np.sin(way)]))
