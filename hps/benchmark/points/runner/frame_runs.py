"""Clouds of one person that follow each other without a gap: what acceleration can be measured on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from hps.metrics import acceleration_error_mm

SHORTEST: Final = 3


def frame_runs_of(sequences: Sequence[str], frames: Int64[np.ndarray, "clouds"]) -> list[Int64[np.ndarray, "frames"]]:
    """Places of the clouds of each run: same sequence, numbers that follow each other, three at least."""
    members: dict[str, list[int]] = defaultdict(list)
    for place, sequence in enumerate(sequences):
        members[sequence].append(place)
    found: list[np.ndarray] = []
    for places in members.values():
        ordered = np.array(sorted(places, key=lambda place: int(frames[place])), np.int64)
        gaps = np.flatnonzero(np.diff(frames[ordered]) != 1) + 1
        found += [part for part in np.split(ordered, gaps) if len(part) >= SHORTEST]
    return found


def acceleration_of_runs(
    joints: Float[np.ndarray, "clouds 24 3"],
    truth: Float[np.ndarray, "clouds 24 3"],
    runs: Sequence[Int64[np.ndarray, "frames"]],
) -> Float[np.ndarray, "clouds"]:
    """Acceleration error of each cloud in the middle of three, mm per frame²; NaN elsewhere, and beside a gap."""
    found = np.full(len(joints), np.nan)
    for run in runs:
        found[run[1:-1]] = acceleration_error_mm(joints[run], truth[run])
    return found
