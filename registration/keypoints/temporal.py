"""Points over time: those that jump are rejected, short gaps are bridged."""

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
    usual_acceleration: float = 20.0
    """m/s², by which the uncertainty grows inside a gap."""
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


def bridge_gaps(
    p_world: Float[np.ndarray, "instants joints 3"],
    sigma: Float[np.ndarray, "instants joints"],
    time_s: Float[np.ndarray, "instants"],
    options: TemporalOptions | None = None,
) -> tuple[Float[np.ndarray, "instants joints 3"], Float[np.ndarray, "instants joints"]]:
    """Points and sigmas with the short gaps between two known points filled on a straight line.

    Sigma there is that of the line between its uncertain ends, plus half of `usual_acceleration` times the times to
    both ends: how far a moving part may stray from the line.
    """
    options = options or TemporalOptions()
    p, s = p_world.copy(), sigma.copy()
    known = np.isfinite(p_world[..., 0])
    for j in range(p.shape[1]):
        at = np.flatnonzero(known[:, j])
        for a, b in pairwise(at):
            if b - a < 2 or time_s[b] - time_s[a] > options.max_gap_s:
                continue
            inside = np.arange(a + 1, b)
            f = (time_s[inside] - time_s[a]) / (time_s[b] - time_s[a])
            p[inside, j] = (1 - f)[:, None] * p_world[a, j] + f[:, None] * p_world[b, j]
            stray = 0.5 * options.usual_acceleration * (time_s[inside] - time_s[a]) * (time_s[b] - time_s[inside])
            s[inside, j] = np.sqrt(((1 - f) * sigma[a, j]) ** 2 + (f * sigma[b, j]) ** 2) + stray
    return p, s
