"""Where a device's clock was reset: device time jumps, back or forward, while the host's goes on.

A late frame is not a reset: what arrives late is followed by frames that arrive in time. A stall is not one either: it
passes on both clocks. A step of host less device counts as a reset when it stays, in the fastest frames before it and
after it, and it always does when a device's time goes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Int64

WINDOWS = (8, 150)
"""Frames before and after a step whose fastest are compared: right at it, as later resets may follow soon, and over
five seconds at 30 Hz, as late frames may come in a row."""
SMALLEST_STEP_US = 10_000
"""Steps below this are taken for latency: a third of a frame at 30 Hz."""
LATEST_US = 250_000
"""Of fewer frames than the smaller window one may be late by chance: a step must be more than any latency."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockReset:
    """One jump of a device's clock."""

    frame: int
    """The first frame after it."""
    from_us: int
    """Device time of the frame before."""
    to_us: int
    jump_us: int
    """How much the clock was moved, by the host's time; negative: back."""


def clock_resets(device_us: Int64[np.ndarray, "frames"], host_us: Int64[np.ndarray, "frames"]) -> list[ClockReset]:
    """All resets of a stream's clock, in order. Host times are those of arrival, and of an independent clock."""
    device, host = np.asarray(device_us, np.int64), np.asarray(host_us, np.int64)
    ahead = host - device
    step = np.diff(ahead)
    back = np.diff(device) <= 0
    found: list[int] = []
    begin = 0
    candidates = np.flatnonzero(back | (np.abs(step) > SMALLEST_STEP_US)) + 1
    for k, end in zip(candidates.tolist(), _next_back(candidates, back, len(device))):
        if k <= begin and found:
            continue
        steps = [_step(ahead, max(begin, k - window), k, min(end, k + window)) for window in WINDOWS]
        few = min(k - begin, end - k) < WINDOWS[0]
        if back[k - 1] or min(map(abs, steps)) > (LATEST_US if few else SMALLEST_STEP_US):
            if not back[k - 1]:  # a late frame just before a reset looks like it
                close = candidates[(candidates >= k) & (candidates < min(end, k + WINDOWS[0]))]
                left = max(begin, k - WINDOWS[0])
                about = ahead[left : min(end, k + 2 * WINDOWS[0])]
                k = int(close[np.argmin([_uneven(about, at - left) for at in close.tolist()])])
            found.append(k)
            begin = k
    bounds = [0, *found, len(device)]
    return [
        ClockReset(
            frame=k,
            from_us=int(device[k - 1]),
            to_us=int(device[k]),
            jump_us=-_step(ahead, max(a, k - WINDOWS[1]), k, min(b, k + WINDOWS[1])),
        )
        for a, k, b in zip(bounds, found, bounds[2:])
    ]


def _step(ahead: Int64[np.ndarray, "frames"], begin: int, at: int, end: int) -> int:
    """How much the fastest frames from `at` to `end` are later than those from `begin` to `at`."""
    return int(ahead[at:end].min()) - int(ahead[begin:at].min())


def segments(frames: int, resets: list[ClockReset]) -> list[slice]:
    """The runs of frames between resets."""
    ends = [0, *(reset.frame for reset in resets), frames]
    return [slice(a, b) for a, b in pairwise(ends)]


def comparable(device_us: Int64[np.ndarray, "frames"], host_us: Int64[np.ndarray, "frames"]) -> bool:
    """Whether host times say anything of their own: not a copy of the device times, and moving."""
    if not len(device_us) or np.array_equal(device_us, host_us):
        return False
    return len(host_us) < 2 or bool(np.ptp(host_us) > 0)


def _uneven(ahead: Int64[np.ndarray, "frames"], at: int) -> float:
    """How far values are from the medians of the parts before and after a cut."""
    return sum(float(np.abs(part - np.median(part)).sum()) for part in (ahead[:at], ahead[at:]))


def _next_back(candidates: np.ndarray, back: np.ndarray, frames: int) -> list[int]:
    """For each candidate, the first frame after it whose time goes back: what follows is another clock."""
    ends = np.append(np.flatnonzero(back) + 1, frames)
    return ends[np.searchsorted(ends, candidates, side="right").clip(max=len(ends) - 1)].tolist()
