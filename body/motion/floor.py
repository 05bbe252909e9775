"""Keep a moving body on the floor: a smooth vertical correction for each frame, and how well it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d

_REACH_SECONDS: Final = 0.5
"""A frame whose lowest point is near the lowest one within this time may stand."""
_CONTACT_HEIGHT_M: Final = 0.06
"""Largest height of a standing frame above that: retargeted feet of a walk vary by 36 mm (-8..+28)."""
_CONTACT_SPEED_M_S: Final = 1.0
"""A point on the floor hardly moves; the feet of a flying body pass it faster."""
_SMOOTH_SECONDS: Final = 0.03
_FLIGHT_HEIGHT_M: Final = 0.015
_FALL_M_S2: Final = 5.0
"""Least fall of a body in flight. Gravity is 9.81; a clip done at 0.75 of its speed falls with 5.5, and the mean of
the skin is not quite the centre of mass."""

_FLIGHT_RMS_M: Final = 0.015
"""Largest deviation from free fall: what limbs that move and another body's proportions leave. Assumed."""
_TOP_SHARE: Final = (0.15, 0.85)
"""When a flight is highest, as a share of its time: a body that only sinks (to roll, to sit) does not fly. Assumed."""
_TUCKED_SHARE: Final = 0.6
"""A middle of the skin lower than this share of the body's greatest reach rolls or lies: rolls on the mean body have
0.35 to 0.55 m, flights of runs and jumps 0.75 to 1.1 m, and the reach from its middle is about 1 m."""
_TWICE: Final = 2
"""Rounds in which what smoothing left is smoothed and added again, so that fast changes are followed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FloorContact:
    """Height of the lowest vertex over the frames of a clip, millimetres."""

    lowest_mm: float
    """Most negative: deepest penetration."""
    p05_mm: float
    median_mm: float
    p95_mm: float
    highest_mm: float
    """Largest: highest flight."""


def floor_contact(vertices: Float[np.ndarray, "frames vertices 3"]) -> FloorContact:
    """Statistics of the lowest vertex of each frame above the floor z = 0."""
    low = vertices[..., 2].min(1) * 1e3
    lowest, p05, median, p95, highest = (float(v) for v in np.percentile(low, [0, 5, 50, 95, 100]))
    return FloorContact(lowest_mm=lowest, p05_mm=p05, median_mm=median, p95_mm=p95, highest_mm=highest)


def standing_frames(vertices: Float[np.ndarray, "frames vertices 3"], rate_hz: float) -> Bool[np.ndarray, "frames"]:
    """Frames in which the body touches the floor: low for its time, with a lowest point that hardly moves."""
    frames = np.arange(len(vertices))
    lowest = vertices[..., 2].argmin(1)
    low = vertices[frames, lowest, 2]
    near = low - minimum_filter1d(low, _window(_REACH_SECONDS, rate_hz), mode="nearest") < _CONTACT_HEIGHT_M
    after, before = np.minimum(frames + 1, len(frames) - 1), np.maximum(frames - 1, 0)
    moved = np.linalg.norm(vertices[after, lowest, :2] - vertices[before, lowest, :2], axis=-1)
    speed = moved * rate_hz / np.maximum(after - before, 1)
    standing = near & (speed < _CONTACT_SPEED_M_S)
    if not standing.any():  # such as one still in the air: the lowest frame decides
        standing[low.argmin()] = True
    return standing


def flying_frames(
    vertices: Float[np.ndarray, "frames vertices 3"], lift: Float[np.ndarray, "frames"], rate_hz: float
) -> Bool[np.ndarray, "frames"]:
    """Frames in the air that gravity explains: stretches above the floor in which the body falls like a thrown one.

    lift: a first guess of the height to add. Stretches of fewer than three frames tell nothing and do not count.
    """
    high = vertices[..., 2].min(1) + lift > _FLIGHT_HEIGHT_M
    middle = vertices[..., 2].mean(1) + lift
    some = vertices[:, :: max(1, vertices.shape[1] // 800)]
    tucked = _TUCKED_SHARE * np.linalg.norm(some - some.mean(1, keepdims=True), axis=-1).max()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], high, [False]])))
    flying = np.zeros(len(high), bool)
    for first, stop in zip(edges[::2], edges[1::2]):
        if stop - first < 3:
            continue
        seconds = np.arange(stop - first) / rate_hz
        bend, slope, start = np.polyfit(seconds, middle[first:stop], 2)
        off = middle[first:stop] - np.polyval([bend, slope, start], seconds)
        whole = first > 0 and stop < len(high)
        top = -slope / min(2 * bend, -1e-9) / seconds[-1]
        rises = _TOP_SHARE[0] < top < _TOP_SHARE[1] or not whole
        thrown = 2 * bend < -_FALL_M_S2 and np.sqrt((off**2).mean()) < _FLIGHT_RMS_M
        flying[first:stop] = thrown and rises and middle[first:stop].mean() > tucked
    return flying


def floor_correction(vertices: Float[np.ndarray, "frames vertices 3"], rate_hz: float) -> Float[np.ndarray, "frames"]:
    """Height to add to each frame so that standing frames touch z = 0 and no frame goes below it.

    In flights that gravity explains (a jump, a run) the correction is interpolated from the contacts, so they keep
    their height; all other frames touch the floor. It is smoothed over 0.03 s; what would then lie under the floor is
    lifted, again smoothly.
    """
    low = vertices[..., 2].min(1)
    frames = np.arange(len(low))
    grounded = grounded_frames(vertices, rate_hz)
    sigma = _SMOOTH_SECONDS * rate_hz
    wanted = np.interp(frames, frames[grounded], -low[grounded])
    lift = gaussian_filter1d(wanted, sigma, mode="nearest")
    for _ in range(_TWICE):
        lift = lift + gaussian_filter1d(wanted - lift, sigma, mode="nearest")
    under = np.maximum(-(low + lift), 0.0)
    width = _window(_SMOOTH_SECONDS, rate_hz)
    return lift + gaussian_filter1d(maximum_filter1d(under, width, mode="nearest"), sigma / 2, mode="nearest")


def grounded_frames(vertices: Float[np.ndarray, "frames vertices 3"], rate_hz: float) -> Bool[np.ndarray, "frames"]:
    """Frames that belong on the floor, judged before any correction: all but flights that gravity explains."""
    frames = np.arange(len(vertices))
    low = vertices[..., 2].min(1)
    standing = standing_frames(vertices, rate_hz)
    guess = np.interp(frames, frames[standing], -low[standing])
    return standing | ~flying_frames(vertices, guess, rate_hz)


def _window(seconds: float, rate_hz: float) -> int:
    return 2 * max(1, round(seconds * rate_hz)) + 1
