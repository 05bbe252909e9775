"""A skirt over a posed body: rings of cloth around both legs, taut where they spread and falling where they are free.

Each level of the skirt goes around the convex hull of the legs' cuts at its height. Cloth does not stretch: where the
legs spread wider than a ring is long, the ring slides up; what is left over falls in folds. A point that no leg carries
moves from the level above along gravity. No step is meant to jump with the pose, so that nothing flickers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba as nb
import numpy as np
from jaxtyping import Float

from body.garments.kernels import COMPILED
from body.garments.outlines import (
    DIRECTIONS,
    RING_COSINES,
    RING_SINES,
    frames_of,
    outline,
    reaches,
    ring_length,
    rings_of,
    spread,
    widened,
)
from body.garments.sections import Sections

_LEAST_ADVANCE: Final = 0.25
"""Of a ring that cannot slide farther down, in levels."""
_SOFT_M: Final = 0.003
"""Of length, over which a ring comes to a stop, so that it does so without a jump."""
_STRETCH: Final = 1.20
"""Of a ring, before it slides up (assumed; knitted cloth)."""
_SAG: Final = 0.12
"""Steepest outward slope of cloth that hangs below raised thighs (assumed)."""
_DEEPEST_M: Final = 0.022
"""Of the falling folds."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Loft:
    """What a skirt keeps over all poses."""

    sections: Sections
    """One for each level."""
    level_m: float
    ease: Float[np.ndarray, "levels"]
    """Room around the legs, metres."""
    flare: float
    """Metres of radius per metre, where nothing holds the cloth."""
    length: Float[np.ndarray, "levels"]
    """Of each ring, metres."""
    wave: Float[np.ndarray, "levels around"]
    """Shape of the falling folds, -1 to 1, and 0 at the waist."""
    folds: float
    """Folds around the skirt."""

    def around(
        self, vertices: Float[np.ndarray, "vertices 3"], up: Float[np.ndarray, "3"]
    ) -> Float[np.ndarray, "levels around 3"]:
        """The skirt over posed vertices, metres, in their frame; `up` is the unit direction against gravity."""
        ends, share = self.sections.ends, self.sections.share
        return _loft(vertices, ends, share, self.level_m, self.ease, self.flare, self.length, self.wave, self.folds, up)


@nb.njit(**COMPILED)
def _loft(vertices, ends, share, level_m, ease, flare, length, wave, folds, up):
    levels, around = wave.shape
    rings = rings_of(vertices, ends, share)
    frames = frames_of(rings)
    reach = reaches(rings, frames)
    taut = np.empty(levels)
    for s in range(levels):
        taut[s] = 2 * np.pi * (reach[s].mean() + 0.6 * ease[s]) / _STRETCH
    reach = widened(rings, frames, reach)
    points = np.empty((levels, around, 3))
    radii, wall, plane, smooth = np.empty(around), np.zeros(around), np.empty((around, 2)), np.empty(around)
    at, spare = 0.0, 0.0
    frame, row = np.empty((4, 3)), np.empty(DIRECTIONS)
    for i in range(levels):
        if i > 0:
            s = int(at)
            # as far down as this ring is long enough for, one level at most
            room = length[i] - (taut[s] + (at - s) * (taut[min(s + 1, levels - 1)] - taut[s]))
            ahead = min(at + 1, levels - 1.0)
            n = int(ahead)
            needed = taut[n] + (ahead - n) * (taut[min(n + 1, levels - 1)] - taut[n])
            more = needed - (length[i] - room)
            step = (max(room, -more) + _SOFT_M) / (max(more, 0.0) + _SOFT_M)
            step = min(max(step, _LEAST_ADVANCE), 1.0)
            at = min(at + step, levels - 1.0)
            spare += (1 - step) * level_m
        s = min(int(at), levels - 2)
        f = at - s
        for j in range(DIRECTIONS):
            row[j] = (1 - f) * reach[s, j] + f * reach[s + 1, j] + ease[i]
        for q in range(4):
            size = 0.0
            for c in range(3):
                frame[q, c] = (1 - f) * frames[s, q, c] + f * frames[s + 1, q, c]
                size += frame[q, c] ** 2
            if q > 0:
                for c in range(3):
                    frame[q, c] /= np.sqrt(size)
        outline(row, radii)
        held = ring_length(radii)
        up_left, up_front, fall = (up * frame[1]).sum(), (up * frame[2]).sum(), -(up * frame[3]).sum()
        if i > 0:
            steepest = max(fall, 0.35)
            for k in range(around):
                lift = RING_SINES[k] * up_left + RING_COSINES[k] * up_front
                slope = min(max(-lift / steepest, -1.5), _SAG) + flare * max(fall, 0.0)
                wall[k] = max(wall[k] + level_m * slope, radii[k])
            free = ring_length(wall)
            t = 1.0
            if free > length[i]:
                t = min(max((length[i] - held) / max(free - held, 1e-6), 0.0), 1.0)
            for k in range(around):
                radii[k] += t * (wall[k] - radii[k])
            for _ in range(2):
                for k in range(around):
                    smooth[k] = 0.25 * radii[k - 1] + 0.5 * radii[k] + 0.25 * radii[(k + 1) % around]
                for k in range(around):
                    radii[k] = smooth[k]
        for k in range(around):
            wall[k] = radii[k]
        now = ring_length(radii)
        share_left = max(length[i] - now, 0.0) / now
        depth = min(now / (np.pi * folds) * (np.sqrt(share_left + 0.002) - np.sqrt(0.002)), _DEEPEST_M)
        spread(radii, plane)
        for k in range(around):
            nx = plane[(k + 1) % around, 1] - plane[k - 1, 1]
            nz = plane[k - 1, 0] - plane[(k + 1) % around, 0]
            size = np.sqrt(nx * nx + nz * nz) + 1e-12
            nx, nz = -nx / size, -nz / size
            if nx * plane[k, 0] + nz * plane[k, 1] < 0:
                nx, nz = -nx, -nz
            lift = nx * up_left + nz * up_front
            out = depth * (1 + wave[i, k]) * (1 - 0.7 * max(lift, 0.0))
            x, z = plane[k, 0] + out * nx, plane[k, 1] + out * nz
            hang = min(max(0.5 - lift, 0.0), 1.0) * max(fall, 0.0) * spare
            for c in range(3):
                points[i, k, c] = frame[0, c] + x * frame[1, c] + z * frame[2, c] - hang * up[c]
    return points
