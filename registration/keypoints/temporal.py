"""Points over time: which of them jump, and which gaps between them are short."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True, kw_only=True, slots=True)
class TemporalOptions:
    """How a body part can move."""

    reject_sigmas: float = 6.0
    max_acceleration: float = 150.0
    """m/s². A thrown punch or a kick reaches about 100 at the wrist or the ankle."""
    max_gap_s: float = 0.25
    """Longer gaps stay gaps."""


def reject_jumps(
    p_world: Float[np.ndarray, "instants joints 3"],
    sigma: Float[np.ndarray, "instants joints"],
    time_s: Float[np.ndarray, "instants"],
    options: TemporalOptions | None = None,
) -> Bool[np.ndarray, "instants joints"]:
    """Which points lie further from the median of their four neighbours in time than a body can have moved."""
    options = options or TemporalOptions()
    T = len(p_world)
    padded = np.full((T + 4, *p_world.shape[1:]), np.nan)
    padded[2 : T + 2] = p_world
    neighbours = np.stack([padded[k : T + k] for k in (0, 1, 3, 4)])
    count = np.isfinite(neighbours[..., 0]).sum(0)
    # only between neighbours on both sides: beyond the last one a straight line is no prediction
    both_sides = np.isfinite(neighbours[:2, ..., 0]).any(0) & np.isfinite(neighbours[2:, ..., 0]).any(0)
    ready = (count >= 3) & both_sides & np.isfinite(p_world[..., 0])
    expected = np.full_like(p_world, np.nan)
    expected[ready] = np.nanmedian(neighbours[:, ready], axis=0)
    step = np.median(np.diff(time_s)) if T > 1 else 0.0
    limit = options.reject_sigmas * sigma + options.max_acceleration * step**2
    with np.errstate(invalid="ignore"):
        return ready & (np.linalg.norm(p_world - expected, axis=-1) > limit)


def bridged(
    known: Bool[np.ndarray, "instants joints"], time_s: Float[np.ndarray, "instants"], max_gap_s: float
) -> Bool[np.ndarray, "instants joints"]:
    """Which instants lie in a gap between two known ones that are at most `max_gap_s` apart."""
    inside = np.zeros(known.shape, bool)
    for j in range(known.shape[1]):
        for a, b in pairwise(np.flatnonzero(known[:, j])):
            if b - a > 1 and time_s[b] - time_s[a] <= max_gap_s:
                inside[a + 1 : b, j] = True
    return inside
