"""Motions for the part of rare poses: the rarest of several drawn ones, some with arms that nobody recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits
from body.motion.library import MotionLibrary
from body.motion.mean_body import mean_body
from body.motion.recipes import draw_recipe
from body.motion.recombine import PARTS
from body.motion.self_penetration import PenetrationCheck
from hps.benchmark.points.set.rarity import rarity_mm

DRAWS: Final = 8
"""Motions of which the rarest is taken: of the test split's 200 draws the upper eighth is beyond 300 mm."""
FREE_ARMS: Final = 0.5
"""Share of draws whose arms go from one pose within human limits to another."""
ARM_RANGE: Final = 0.9
"""Middle share of the joints' ranges that such poses lie in."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RareMotions(MotionLibrary):
    """A library whose draws are rare."""

    def draw(
        self,
        rng: np.random.Generator,
        split: str,
        seconds: float,
        rate_hz: float,
        recipe: str | None = None,
        within_m: float | None = None,
    ) -> MotionClip:
        """As MotionLibrary.draw, which checks the arguments; `within_m` is not kept."""
        found = [self._one(rng, split, seconds, rate_hz, recipe) for _ in range(DRAWS)]
        poses = np.stack([clip.rotations[:, 1:].reshape(len(clip), -1) for clip in found])
        rare = rarity_mm(poses.reshape(-1, poses.shape[2])).reshape(len(found), -1).mean(1)
        best, _ = PenetrationCheck(mean_body()).repaired(found[int(rare.argmax())])
        return replace(best, description={**best.description, "split": split, "rarest_of": DRAWS})

    def _one(
        self, rng: np.random.Generator, split: str, seconds: float, rate_hz: float, recipe: str | None
    ) -> MotionClip:
        clip = draw_recipe(self, rng, split, seconds, rate_hz, recipe)
        ends = human_limits().sample(rng, 2, ARM_RANGE)
        if rng.random() >= FREE_ARMS:
            return clip
        joints = list(PARTS["arms"])
        rotations = clip.rotations.copy()
        share = np.linspace(0, 1, len(clip))
        for joint in joints:
            rotations[:, joint] = Slerp([0, 1], Rotation.from_rotvec(ends[:, joint]))(share).as_rotvec()
        return replace(clip, rotations=rotations, loops=False, description={**clip.description, "arms": "free"})


def rare(library: MotionLibrary) -> RareMotions:
    """The same source clips, drawn from for rare poses."""
    return RareMotions(entries=library.entries)
