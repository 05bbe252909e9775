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


def floor_correction(vertices: Float[np.ndarray, "frames vertices 3"], rate_hz: float) -> Float[np.ndarray, "frames"]:
    """Height to add to each frame so that standing frames touch z = 0 and no frame goes below it.

    Between contacts (a jump, the flight of a run) the correction is interpolated, so flights keep their height. It is
    smoothed over 0.03 s; what would then lie under the floor is lifted, again smoothly.
    """
    low = vertices[..., 2].min(1)
    frames = np.arange(len(low))
    standing = standing_frames(vertices, rate_hz)
    sigma = _SMOOTH_SECONDS * rate_hz
    lift = gaussian_filter1d(np.interp(frames, frames[standing], -low[standing]), sigma, mode="nearest")
    under = np.maximum(-(low + lift), 0.0)
    width = _window(2 * _SMOOTH_SECONDS, rate_hz)
    return lift + gaussian_filter1d(maximum_filter1d(under, width, mode="nearest"), sigma, mode="nearest")


def _window(seconds: float, rate_hz: float) -> int:
    return 2 * max(1, round(seconds * rate_hz)) + 1
