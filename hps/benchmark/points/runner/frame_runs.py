"""Clouds of one person that follow each other without a gap: what acceleration can be measured on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from hps.metrics import acceleration_error_m_s2, acceleration_error_mm

SHORTEST: Final = 3
SHORTEST_M_S2: Final = 5
"""The definition in metres per second squared leaves out one more at either end."""
UNEVEN: Final = 0.01
"""Share by which steps in time may differ from their mean; second differences want even ones."""


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
    runs: Sequence[Int64[np.ndarray, "_"]],
) -> Float[np.ndarray, "clouds"]:
    """Acceleration error of each cloud in the middle of three, mm per frame²; NaN elsewhere, and beside a gap."""
    found = np.full(len(joints), np.nan)
    for run in runs:
        found[run[1:-1]] = acceleration_error_mm(joints[run], truth[run])
    return found


def rate_of(time_s: Float[np.ndarray, "frames"]) -> float:
    """Frames a second of a run; NaN where instants are not known, do not rise, or are uneven."""
    steps = np.diff(np.asarray(time_s, np.float64))
    mean = float(steps.mean()) if len(steps) else float("nan")
    even = mean > 0 and bool((np.abs(steps - mean) <= UNEVEN * mean).all())
    return 1.0 / mean if even else float("nan")


def acceleration_m_s2_of_runs(
    joints: Float[np.ndarray, "clouds 24 3"],
    truth: Float[np.ndarray, "clouds 24 3"],
    runs: Sequence[Int64[np.ndarray, "_"]],
    rates_hz: Sequence[float],
) -> Float[np.ndarray, "clouds"]:
    """Acceleration error in metres per second squared of the frames 2 .. T−3 of each run of five or more.

    NaN elsewhere, in runs whose rate is not known (NaN), and beside a gap.
    """
    found = np.full(len(joints), np.nan)
    for run, rate in zip(runs, rates_hz, strict=True):
        if len(run) >= SHORTEST_M_S2 and np.isfinite(rate):
            found[run[2:-2]] = acceleration_error_m_s2(joints[run], truth[run], rate)
    return found
