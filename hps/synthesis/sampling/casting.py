"""Who plays in which scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sampling.seeds import Purpose, stream
from hps.synthesis.scenes.rows import SPLITS, PersonRow, Split

SIZES: Final[dict[str, tuple[int, int]]] = {"single": (1, 1), "group": (2, 4), "crowd": (5, 8)}
"""Fewest and most people of a kind of scene."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cast:
    """The people of one scene to come."""

    number: int
    split: Split
    people: tuple[PersonRow, ...]

    @property
    def scene(self) -> str:
        """Its name."""
        return f"s{self.number:06d}"


def kind_of(people: int) -> str:
    """single, group or crowd."""
    return next(kind for kind, (low, high) in SIZES.items() if low <= people <= high)


def cast_scenes(config: SynthesisConfig, people: tuple[PersonRow, ...]) -> tuple[Cast, ...]:
    """Scenes of each split in which everybody plays `config.appearances` times."""
    shares = np.array([max(0.0, 1 - config.groups - config.crowds), config.groups, config.crowds])
    casts: list[Cast] = []
    for split in SPLITS:
        mine = [person for person in people if person.split == split]
        rng = stream(config.seed, Purpose.CASTING, SPLITS.index(split))
        left = np.full(len(mine), config.appearances)
        while left.any():
            low, high = list(SIZES.values())[int(rng.choice(3, p=shares / shares.sum()))]
            size = min(int(rng.integers(low, high + 1)), int((left > 0).sum()))
            chosen = np.lexsort((rng.random(len(mine)), -left))[:size]
            left[chosen] -= 1
            cast = tuple(mine[index] for index in chosen)
            casts.append(Cast(number=len(casts), split=split, people=cast))
    return tuple(casts)
