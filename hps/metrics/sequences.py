"""Acceleration errors of samples that are frames of sequences, in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError
from hps.metrics.acceleration import acceleration_error_mm

SAME_STEP = 0.02
"""Share by which two steps in time may differ and still count as even."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SequenceErrors:
    """Of the middle frame of each three; NaN at the ends of a sequence, at gaps and uneven steps, and by a refusal."""

    acceleration_mm: Float[np.ndarray, "samples"]
    """Millimetres per frame squared."""
    acceleration_m_s2: Float[np.ndarray, "samples"]
    """Metres per second squared; NaN where the times are not known."""


def sequence_errors(
    joints: Float[np.ndarray, "samples joints 3"],
    true_joints: Float[np.ndarray, "samples joints 3"],
    sequence: Sequence[str],
    frame: Sequence[int],
    time_s: Sequence[float] | np.ndarray,
) -> SequenceErrors:
    """Errors of every sample that has both neighbours in its sequence.

    All samples of a sequence must be in one frame: the sensor's, not one centred anew on each cloud. Neighbours are the
    next lower and higher frame number of the sequence, and both must be equally far. Raises HpsError when a sequence
    has one frame twice.
    """
    names, numbers, times = np.asarray(sequence), np.asarray(frame), np.asarray(time_s, np.float64)
    per_frame, per_second = np.full(len(joints), np.nan), np.full(len(joints), np.nan)
    order = np.lexsort((numbers, names))
    for a, b in pairwise(order):
        if names[a] == names[b] and numbers[a] == numbers[b]:
            raise HpsError(
                f"sequence {names[a]!r} has frame {numbers[a]} twice; name sequences of several cameras apart"
            )
    for a, b, c in zip(order, order[1:], order[2:]):
        if not names[a] == names[b] == names[c] or numbers[b] - numbers[a] != numbers[c] - numbers[b]:
            continue
        steps = np.diff(times[[a, b, c]])
        if np.isfinite(steps).all() and abs(steps[1] - steps[0]) > SAME_STEP * abs(steps[0]):
            continue
        per_frame[b] = acceleration_error_mm(joints[[a, b, c]], true_joints[[a, b, c]])[0]
        if np.isfinite(steps).all() and steps[0] > 0:
            per_second[b] = per_frame[b] / 1000.0 / steps.mean() ** 2
    return SequenceErrors(acceleration_mm=per_frame, acceleration_m_s2=per_second)
