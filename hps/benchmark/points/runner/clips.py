"""Clips for methods that want them: which clouds of a benchmark show one person over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

from hps.datasets.cloud_sample import CloudSample

LONGEST_GAP_S: Final = 1.0
"""Between two clouds of a clip: people do anything in a second."""
UP_MOVED: Final = 0.02
"""Radians that up may differ within a clip; a camera that turned further has another frame at each instant."""
MOST: Final = 256
"""Clouds of one clip, which are in memory together."""


@runtime_checkable
class Named(Protocol):
    """A sample, or what is known of it before its cloud is read."""

    @property
    def sequence(self) -> str: ...

    @property
    def frame(self) -> int: ...


def packs_of(named: Sequence[Named], least: int) -> list[Int64[np.ndarray, "places"]]:
    """Places of the clouds that are asked for together: whole sequences, in the order of their first cloud.

    As many sequences go together as it takes to have `least` clouds. A sequence of more than MOST is cut.
    """
    found: list[list[int]] = []
    for places in sequences_of(named):
        for first in range(0, len(places), MOST):
            part = places[first : first + MOST].tolist()
            if found and len(found[-1]) < least and len(found[-1]) + len(part) <= max(MOST, least):
                found[-1] += part
            else:
                found.append(part)
    return [np.array(places, np.int64) for places in found]


def sequences_of(named: Sequence[Named]) -> list[Int64[np.ndarray, "places"]]:
    """Places of the clouds of each sequence by their number; a cloud without a sequence's name stands alone."""
    members: dict[object, list[int]] = defaultdict(list)
    for place, one in enumerate(named):
        members[one.sequence or place].append(place)
    return [np.array(sorted(of, key=lambda place: named[place].frame), np.int64) for of in members.values()]


def clips_of(samples: Sequence[CloudSample]) -> list[Int64[np.ndarray, "clouds"]]:
    """Rows of the samples of each clip, in time; every sample is in one.

    A clip is of one sequence. It ends where the next instant is not later or not known, where it is more than
    LONGEST_GAP_S away, and where up is known and turned: the camera moved, and the clouds have no frame in common.
    """
    found: list[np.ndarray] = []
    for rows in sequences_of(samples):
        time_s = np.array([samples[row].time_s for row in rows], np.float64)
        steps = np.diff(time_s)
        follows = (steps > 0) & (steps <= LONGEST_GAP_S)
        follows &= np.array([_same_up(samples[a], samples[b]) for a, b in pairwise(rows)], bool)
        found += np.split(rows, np.flatnonzero(~follows) + 1)
    return found


def _same_up(one: CloudSample, other: CloudSample) -> bool:
    a, b = one.cloud.up, other.cloud.up
    if a is None or b is None:
        return a is b
    return bool(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64)) <= UP_MOVED)
