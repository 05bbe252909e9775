"""Where a clip stops showing the same person, or is interrupted for too long: nothing is smoothed across."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int64

from hps.errors import HpsError
from hps.points.sequence.bodies import FrameBodies
from hps.points.sequence.config import SequenceConfig
from hps.points.sequence.shared_shape import shape_part, shared_shape

LEAST_FRAMES = 3
"""Seen frames on each side of a change that is told by shapes alone."""


def person_of_frames(
    bodies: FrameBodies, given: Sequence[str] | None, config: SequenceConfig
) -> Int64[np.ndarray, "frames"]:
    """A number for each frame that changes where the person does.

    given: who it is by frame, as masks or a tracker say; they are believed, and where they are not known (None) a
    change is told by a pelvis that moves faster than anybody runs, if the shapes before and after differ too.
    Raises HpsError when there are not as many names as frames.
    """
    if given is not None:
        if len(given) != len(bodies):
            raise HpsError(f"{len(given)} names of people were given for {len(bodies)} frames; give one for each frame")
        numbers: dict[str, int] = {}
        return np.array([numbers.setdefault(name, len(numbers)) for name in given], np.int64)
    which = np.flatnonzero(bodies.seen)
    person = np.zeros(len(bodies), np.int64)
    speed = np.linalg.norm(np.diff(bodies.transl[which], axis=0), axis=1) / np.diff(bodies.time_s[which])
    start = 0
    for n in np.flatnonzero(speed > config.fastest_m_s) + 1:
        before, after = which[start:n], which[n:]
        if min(len(before), len(after)) >= LEAST_FRAMES and _differ(bodies, before, after, config):
            person[which[n] :] += 1
            start = int(n)
    return person


def stretches(bodies: FrameBodies, person: Int64[np.ndarray, "frames"], config: SequenceConfig) -> list[np.ndarray]:
    """Frames that are smoothed together: of one person, from one that was seen to another, without a long gap.

    Frames that are in none were not seen, and are too far from those that were.
    """
    found: list[np.ndarray] = []
    for number in np.unique(person):
        which = np.flatnonzero(bodies.seen & (person == number))
        if not len(which):
            continue
        # somebody who comes back after another was seen is smoothed anew
        changed = np.array([(person[a:b] != number).any() for a, b in pairwise(which)], bool)
        cuts = np.flatnonzero((np.diff(bodies.time_s[which]) > config.longest_gap_s) | changed) + 1
        found += [np.arange(part[0], part[-1] + 1) for part in np.split(which, cuts)]
    return sorted(found, key=lambda part: int(part[0]))


def bridged(seen: Bool[np.ndarray, "frames"], parts: Sequence[np.ndarray]) -> Bool[np.ndarray, "frames"]:
    """Frames that were not seen and yet have a body, from their neighbours."""
    inside = np.zeros(len(seen), bool)
    for part in parts:
        inside[part] = True
    return inside & ~seen


def _differ(bodies: FrameBodies, before: np.ndarray, after: np.ndarray, config: SequenceConfig) -> bool:
    """Whether two stretches' shapes differ by more than both are unsure."""
    one, other = (shared_shape(bodies.rows(which), config) for which in (before, after))
    away = one.mean - other.mean
    assert len(away) == shape_part(bodies).stop - shape_part(bodies).start
    return float(away @ np.linalg.solve(one.covariance + other.covariance, away)) > config.other_person
