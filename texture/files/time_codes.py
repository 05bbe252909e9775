"""The times of a clip on the frame grid of programs that count frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

STILL_RATE_HZ = 30.0
"""Stated for a clip of one frame."""
_EVEN = 0.25
"""A frame that is this share of a step off the even grid makes a clip uneven; timestamps jitter far less."""
_COMMON = 0.002
"""A rate that is within this share of a whole number is that number: clocks of sensors differ by less."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TimeCodes:
    """Where each frame lies, counted in frames from the first."""

    codes: Float[np.ndarray, "frames"]
    """Increasing, from 0; whole numbers for an even clip, also where frames are missing."""
    rate_hz: float
    even: bool
    """Whether the codes are whole numbers."""


def time_codes(times_s: Float[np.ndarray, "frames"]) -> TimeCodes:
    """Codes for increasing times; frames that miss the grid by little are put on it."""
    since = np.asarray(times_s, np.float64) - times_s[0]
    if len(since) == 1:
        return TimeCodes(codes=since, rate_hz=STILL_RATE_HZ, even=True)
    step = float(np.median(np.diff(since)))
    rough = np.rint(since / step)
    step = float(since @ rough / (rough @ rough))  # the rate that the whole clip has, not one pair of frames
    rate = 1 / step
    rate = float(np.rint(rate)) if abs(rate - np.rint(rate)) < _COMMON * rate else round(rate, 3)
    whole = np.rint(since / step)
    even = bool(np.abs(since / step - whole).max() < _EVEN and (np.diff(whole) > 0).all())
    return TimeCodes(codes=whole if even else since * rate, rate_hz=rate, even=even)
