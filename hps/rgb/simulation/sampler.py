"""An endless supply of people before cameras, for training lifters and for the benchmark's tables."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.bank import Split
from body.joints import JOINT_COUNT, MIRROR
from body.loading import load_body_model
from body.model import BodyModel
from body.motion.recombine import PARTS
from body.rotations import axis_angle_to_matrix
from hps.errors import HpsError
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import PosedPeople, SplitBodies
from hps.rgb.simulation.photograph import photograph
from hps.rgb.simulation.poses import PoseTable
from hps.rgb.simulation.views import draw_views

POOL: Final = 30_000
"""Posed people that are photographed again and again: 95 MB."""
REFRESH: Final = 0.1
"""For each person who is photographed so many are posed anew: each is seen from about ten sides."""
SWAPPED: Final = 0.25
"""Share of training people who have a part of the body from another pose."""
_AXIAL: Final = (1.0, -1.0, -1.0)
"""What a reflection x -> -x does to an axis-angle."""
_AT_ONCE: Final = 2048


class LiftingSampler:
    """People of one split, in poses of the same split, before cameras that are drawn anew each time.

    Training people are mirrored at random, and some have a part of the body (body/motion/recombine.py) from another
    pose of the table. Keypoints are exact, or where the detector would mean them on this person (`wandering`).
    """

    def __init__(
        self,
        poses: PoseTable,
        split: Split,
        seed: int,
        *,
        model: BodyModel | None = None,
        pool: int = POOL,
        wandering: bool = False,
        bodies: SplitBodies | None = None,
        in_order: bool = False,
    ) -> None:
        """pool: 0 poses everybody anew. bodies: of another sampler of the split, to save a second of preparation.
        in_order: the table's poses one after the other, for tables that each pose shall be in once.

        Raises BodyError when the model has no bank of people, HpsError for a table without poses.
        """
        if not len(poses):
            raise HpsError(f"there are no poses to sample people of '{split}' from; draw some (draw_poses)")
        self.bodies = SplitBodies(model or load_body_model(), split) if bodies is None else bodies
        self.motions = poses.motions
        self._in_order = in_order
        self._varied = split == "train"
        self._wandering = wandering
        self._turns = torch.tensor(poses.rotations)
        self._motion = torch.tensor(poses.motion)
        self._g = torch.Generator().manual_seed(seed)
        self._next, self._owed = 0, 0.0
        self._pool: PosedPeople | None = self._posed(pool) if pool else None

    def draw(self, count: int) -> LiftingBatch:
        """`count` people with exact keypoints and all truth."""
        people = self._taken(count)
        views = draw_views(people.landmarks, people.keypoints, self._g)
        return photograph(people, views, self.bodies, wandering=self._wandering)

    def _taken(self, count: int) -> PosedPeople:
        if self._pool is None:
            return self._posed(count)
        self._owed += REFRESH * count
        new = min(int(self._owed), len(self._pool))
        if new:
            self._owed -= new
            self._replace(self._posed(new))
        return _rows(self._pool, torch.randint(len(self._pool), (count,), generator=self._g))

    def _replace(self, people: PosedPeople) -> None:
        assert self._pool is not None
        where = (self._next + torch.arange(len(people))) % len(self._pool)
        for field in fields(people):
            getattr(self._pool, field.name)[where] = getattr(people, field.name)
        self._next = int(where[-1]) + 1

    def _posed(self, count: int) -> PosedPeople:
        parts = []
        for first in range(0, count, _AT_ONCE):
            n = min(_AT_ONCE, count - first)
            turns, motion = self._poses(n)
            who = torch.randint(len(self.bodies.names), (n,), generator=self._g)
            parts.append(self.bodies.pose(who, axis_angle_to_matrix(turns), motion, self._g))
        columns = {f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(PosedPeople)}
        return PosedPeople(**columns)

    def _poses(self, n: int) -> tuple[Float[Tensor, "n 24 3"], Tensor]:
        row = torch.randint(len(self._turns), (n,), generator=self._g)
        if self._in_order:
            row = (self._next + torch.arange(n)) % len(self._turns)
            self._next = int(row[-1]) + 1
        turns, motion = self._turns[row], self._motion[row]
        if not self._varied:
            return turns, motion
        other = self._turns[torch.randint(len(self._turns), (n,), generator=self._g)]
        masks = _part_masks()
        part = masks[torch.randint(len(masks), (n,), generator=self._g)]
        part = part & (torch.rand((n, 1), generator=self._g) < SWAPPED)
        turns = torch.where(part[..., None], other, turns)
        flipped = turns[:, list(MIRROR)] * torch.tensor(_AXIAL)
        return torch.where(torch.rand((n, 1, 1), generator=self._g) < 0.5, flipped, turns), motion


def _part_masks() -> Tensor:
    masks = np.zeros((len(PARTS), JOINT_COUNT), bool)
    for row, joints in zip(masks, PARTS.values()):
        row[list(joints)] = True
    return torch.tensor(masks)


def _rows(people: PosedPeople, which: Tensor) -> PosedPeople:
    return PosedPeople(**{field.name: getattr(people, field.name)[which] for field in fields(people)})
