"""The instants at which a session is least to be trusted, apart from each other, and the cameras that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humanrig.report.people import ShownPerson

APART = 8
"""The clip is cut into so many pieces; two of the worst instants are at least one piece apart."""
FLAGGED = 2.0
"""A flag counts as much as residuals three times the usual ones."""


@dataclass(frozen=True, kw_only=True)
class WorstInstant:
    """An instant to look at."""

    instant: int
    person: str
    badness: float
    """0: as usual; 1: residuals of twice the median."""
    why: str


def worst_instants(everybody: Sequence[ShownPerson], count: int) -> list[WorstInstant]:
    """The worst first; fewer where the clip is short. Residuals are told in medians of the same person's clip."""
    found = [one for person in everybody for one in _of_person(person)]
    instants = sorted({one.instant for one in found})
    gap = max(1, (instants[-1] - instants[0]) // APART) if instants else 1
    chosen: list[WorstInstant] = []
    for one in sorted(found, key=lambda one: (-one.badness, one.instant, one.person)):
        if len(chosen) == count:
            break
        if all(abs(one.instant - other.instant) >= gap for other in chosen):
            chosen.append(one)
    return chosen


def telling_streams(person: ShownPerson, instant: int, streams: Sequence[str], count: int) -> list[str]:
    """The streams whose keypoints lie furthest from the others' at an instant; any where none is known."""
    keypoints = person.results.keypoints
    known, instants = keypoints["streams"].tolist(), keypoints["instants"].tolist()
    if instant not in instants:
        return list(streams)[:count]
    residual = keypoints["reprojection_px"][instants.index(instant)]
    median = {
        name: float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else -1.0
        for name, values in zip(known, residual, strict=True)
    }
    return sorted(streams, key=lambda name: -median.get(name, -2.0))[:count]


def _of_person(person: ShownPerson) -> list[WorstInstant]:
    body = person.results.body
    px, mm = (np.asarray(body[key], np.float64) for key in ("keypoint_px", "surface_mm"))
    over = [_over(px), _over(mm)]
    found = []
    for row, instant in enumerate(person.results.instants):
        words, badness = [], max(over[0][row], over[1][row], 0.0)
        if flag := person.flags.get(instant):
            badness += FLAGGED
            words.append(flag)
        for value, unit, what in ((px[row], "px", "keypoints"), (mm[row], "mm", "surface")):
            if np.isfinite(value):
                words.append(f"{what} {value:.1f} {unit}")
        found.append(WorstInstant(instant=instant, person=person.name, badness=float(badness), why=", ".join(words)))
    return found


def _over(values: np.ndarray) -> np.ndarray:
    """How far above the clip's median, in medians; 0 where nothing is known."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros(len(values))
    usual = max(float(np.median(known)), 1e-9)
    return np.where(np.isfinite(values), values / usual - 1, 0.0)
