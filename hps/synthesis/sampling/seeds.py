"""Where random numbers come from: a stream for each purpose, and a range of seeds for each split."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from hps.errors import HpsError
from hps.synthesis.scenes.rows import SPLITS, Split

SEEDS_OF_SPLIT: Final = 2**29
"""Seeds 0 … 2**29 - 1 are the training split's, the next as many validation's, then the test's: rooms, rigs, clothes
and noise of two splits are never drawn with the same seed."""


class Purpose(IntEnum):
    """What random numbers are for; adding one must not change the others."""

    PEOPLE = 1
    CASTING = 2
    SCENE = 3
    MOTION = 4
    PLACES = 5
    CAMERAS = 6
    CLOTHES = 7


def stream(seed: int, purpose: Purpose, *numbers: int) -> np.random.Generator:
    """Random numbers of one purpose, such as the cameras of scene 12."""
    return np.random.default_rng([seed, int(purpose), *numbers])


def split_seed(rng: np.random.Generator, split: Split) -> int:
    """A seed out of the split's range."""
    return SPLITS.index(split) * SEEDS_OF_SPLIT + int(rng.integers(SEEDS_OF_SPLIT))


def split_of_seed(seed: int) -> Split:
    """Whose range a seed is of. Raises HpsError for one beyond all ranges."""
    if not 0 <= seed < len(SPLITS) * SEEDS_OF_SPLIT:
        raise HpsError(f"seed {seed} belongs to no split; they go from 0 to {len(SPLITS) * SEEDS_OF_SPLIT - 1}")
    return SPLITS[seed // SEEDS_OF_SPLIT]
