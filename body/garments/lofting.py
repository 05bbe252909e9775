"""A skirt over a posed body: rings of cloth around both legs, taut where they spread and falling where they are free.

Each level of the skirt goes around the convex hull of the legs' cuts at its height. Cloth does not stretch: where the
legs spread wider than a ring is long, the ring slides up; what is left over falls in folds. A point that no leg carries
moves from the level above along gravity. Every step is continuous in the pose, so that nothing flickers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba as nb
import numpy as np
from jaxtyping import Float

from body.garments.kernels import COMPILED
from body.garments.sections import Sections

_DIRECTIONS: Final = 72
"""In which the hull of a cut is measured."""
_BEND: Final = 7
"""Levels on both sides over which the axis of the tube is taken."""
_ACROSS: Final = 24
"""Levels on both sides whose cuts may pass another level's plane."""
_LEAST_ADVANCE: Final = 0.25
"""Of a ring that cannot slide farther down, in levels."""
_STRETCH: Final = 1.20
"""Of a ring, before it slides up (assumed; knitted cloth)."""
_SAG: Final = 0.12
"""Steepest outward slope of cloth that hangs below raised thighs (assumed)."""
_DEEPEST_M: Final = 0.022
"""Of the falling folds."""


AROUND: Final = 2 * _DIRECTIONS
"""Points of a ring; the first is at the back, where the seam of the texture is."""
_WIDTH: Final = 31
_STEP: Final = 2 * np.pi / _DIRECTIONS
_SINES: Final = np.sin(_STEP * np.arange(_DIRECTIONS))
_COSINES: Final = np.cos(_STEP * np.arange(_DIRECTIONS))
_SECANTS: Final = 1 / np.cos(_STEP * (np.arange(_WIDTH) - _WIDTH // 2 - np.array([[0.0], [0.5]])))
_RING: Final = _STEP / 2 * np.arange(AROUND) - np.pi
_RING_SINES, _RING_COSINES = np.sin(_RING), np.cos(_RING)


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


def hull_length(sections: Sections, vertices: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "levels"]:
    """Length of a string around each cut of a posed body, metres."""
    rings = _rings(vertices, sections.ends, sections.share)
    frames = _frames(rings)
    return 2 * np.pi * _supports(rings, frames).mean(1)


@nb.njit(**COMPILED)
def _rings(vertices, ends, share):
    """(levels, 2, points, 3)"""
    levels, halves, count = share.shape
    rings = np.empty((levels, halves, count, 3))
    for s in range(levels):
        for h in range(halves):
            for k in range(count):
                a, b, t = ends[s, h, k, 0], ends[s, h, k, 1], share[s, h, k]
                for c in range(3):
                    rings[s, h, k, c] = (1 - t) * vertices[a, c] + t * vertices[b, c]
    return rings


@nb.njit(**COMPILED)
def _frames(rings):
    """(levels, 4, 3): centre, then unit axes: to the left, to the front, and down the tube."""
    levels, _, count, _ = rings.shape
    frames = np.empty((levels, 4, 3))
    left = np.zeros(3)
    for s in range(levels):
        for c in range(3):
            one, two = 0.0, 0.0
            for k in range(count):
                one += rings[s, 0, k, c]
                two += rings[s, 1, k, c]
            frames[s, 0, c] = 0.5 * (one + two) / count
            if s == 0:
                left[c] = one - two
    last = frames[min(_BEND, levels - 1), 0] - frames[0, 0]
    last = last / (np.sqrt((last**2).sum()) + 1e-12)
    for s in range(levels):
        a, b = max(s - _BEND, 0), min(s + _BEND, levels - 1)
        axis = frames[b, 0] - frames[a, 0]
        reach = 0.0
        for i in range(a, b):
            reach += np.sqrt(((frames[i + 1, 0] - frames[i, 0]) ** 2).sum())
        axis = axis + 0.1 * (reach + 1e-6) * last  # legs that part to opposite sides leave the axis as it was
        axis /= np.sqrt((axis**2).sum()) + 1e-12
        left = left - (left * axis).sum() * axis
        left /= np.sqrt((left**2).sum()) + 1e-12
        frames[s, 1] = left
        frames[s, 2, 0] = axis[1] * left[2] - axis[2] * left[1]
        frames[s, 2, 1] = axis[2] * left[0] - axis[0] * left[2]
        frames[s, 2, 2] = axis[0] * left[1] - axis[1] * left[0]
        frames[s, 3] = axis
        last = axis
    return frames


@nb.njit(**COMPILED)
def _supports(rings, frames):
    """(levels, directions): how far each cut reaches in each direction of its plane."""
    levels, halves, count, _ = rings.shape
    reach = np.full((levels, _DIRECTIONS), -1e9)
    for s in range(levels):
        for h in range(halves):
            for k in range(count):
                x, z = 0.0, 0.0
                for c in range(3):
                    d = rings[s, h, k, c] - frames[s, 0, c]
                    x += d * frames[s, 1, c]
                    z += d * frames[s, 2, c]
                for j in range(_DIRECTIONS):
                    reach[s, j] = max(reach[s, j], x * _SINES[j] + z * _COSINES[j])
    return reach


@nb.njit(**COMPILED)
def _widened(rings, frames, reach):
    """The reach with that of other cuts where they pass near a cut's plane, as in the lap of somebody seated."""
    levels, halves, count, _ = rings.shape
    wide = reach.copy()
    for s in range(levels):
        for other in range(max(s - _ACROSS, 0), min(s + _ACROSS + 1, levels)):
            if other == s:
                continue
            for h in range(halves):
                for k in range(count):
                    x, z, off = 0.0, 0.0, 0.0
                    for c in range(3):
                        d = rings[other, h, k, c] - frames[s, 0, c]
                        x += d * frames[s, 1, c]
                        z += d * frames[s, 2, c]
                        off += d * frames[s, 3, c]
                    less = 2 * max(abs(off) - 0.005, 0.0)
                    if less < 0.08:
                        for j in range(_DIRECTIONS):
                            wide[s, j] = max(wide[s, j], x * _SINES[j] + z * _COSINES[j] - less)
    return wide


@nb.njit(**COMPILED)
def _radii(reach, radii):
    """Distance of the hull's outline from the centre at each point of a ring."""
    for k in range(2 * _DIRECTIONS):
        best = 1e9
        for j in range(_WIDTH):
            at = k // 2 + j - _WIDTH // 2 + _DIRECTIONS // 2
            best = min(best, max(reach[at % _DIRECTIONS], 0.01) * _SECANTS[k % 2, j])
        radii[k] = best


@nb.njit(**COMPILED)
def _ring_length(radii):
    around = len(radii)
    twice = 2 * np.cos(2 * np.pi / around)
    total = 0.0
    for k in range(around):
        a, b = radii[k], radii[(k + 1) % around]
        total += np.sqrt(a * a + b * b - twice * a * b)
    return total


@nb.njit(**COMPILED)
def _spread(radii, plane):
    """The outline's points at equal distances along it, from the back; (around, 2), left and front."""
    around = len(radii)
    twice = 2 * np.cos(2 * np.pi / around)
    step = _ring_length(radii) / around
    k, start, piece = 0, 0.0, 0.0
    for i in range(around):
        wanted = i * step
        while True:
            a, b = radii[k % around], radii[(k + 1) % around]
            piece = np.sqrt(a * a + b * b - twice * a * b)
            if start + piece >= wanted or k == around - 1:
                break
            start += piece
            k += 1
        t = min((wanted - start) / (piece + 1e-12), 1.0)
        n = (k + 1) % around
        plane[i, 0] = (1 - t) * radii[k] * _RING_SINES[k] + t * radii[n] * _RING_SINES[n]
        plane[i, 1] = (1 - t) * radii[k] * _RING_COSINES[k] + t * radii[n] * _RING_COSINES[n]


@nb.njit(**COMPILED)
def _loft(vertices, ends, share, level_m, ease, flare, length, wave, folds, up):
    levels, around = wave.shape
    rings = _rings(vertices, ends, share)
    frames = _frames(rings)
    reach = _supports(rings, frames)
    taut = np.empty(levels)
    for s in range(levels):
        taut[s] = 2 * np.pi * (reach[s].mean() + 0.6 * ease[s]) / _STRETCH
    reach = _widened(rings, frames, reach)
    points = np.empty((levels, around, 3))
    radii, wall, plane, smooth = np.empty(around), np.zeros(around), np.empty((around, 2)), np.empty(around)
    at, spare = 0.0, 0.0
    frame, row = np.empty((4, 3)), np.empty(_DIRECTIONS)
    for i in range(levels):
        if i > 0:
            step = 0.0
            s = int(at)
            # as far down as this ring is long enough for, one level at most
            room = length[i] - (taut[s] + (at - s) * (taut[min(s + 1, levels - 1)] - taut[s]))
            ahead = min(at + 1, levels - 1.0)
            n = int(ahead)
            needed = taut[n] + (ahead - n) * (taut[min(n + 1, levels - 1)] - taut[n])
            more = needed - (length[i] - room)
            step = 1.0 if more <= room or more <= 1e-9 else max(room / more, _LEAST_ADVANCE)
            if more <= 0 and room < 0:
                step = 1.0
            at = min(at + step, levels - 1.0)
            spare += (1 - step) * level_m
        s = min(int(at), levels - 2)
        f = at - s
        for j in range(_DIRECTIONS):
            row[j] = (1 - f) * reach[s, j] + f * reach[s + 1, j] + ease[i]
        for q in range(4):
            size = 0.0
            for c in range(3):
                frame[q, c] = (1 - f) * frames[s, q, c] + f * frames[s + 1, q, c]
                size += frame[q, c] ** 2
            if q > 0:
                for c in range(3):
                    frame[q, c] /= np.sqrt(size)
        _radii(row, radii)
        held = _ring_length(radii)
        up_left, up_front, fall = (up * frame[1]).sum(), (up * frame[2]).sum(), -(up * frame[3]).sum()
        if i > 0:
            steepest = max(fall, 0.35)
            for k in range(around):
                lift = _RING_SINES[k] * up_left + _RING_COSINES[k] * up_front
                slope = min(max(-lift / steepest, -1.5), _SAG) + flare * max(fall, 0.0)
                wall[k] = max(wall[k] + level_m * slope, radii[k])
            free = _ring_length(wall)
            t = 1.0
            if free > length[i]:
                t = max((length[i] - held) / (free - held + 1e-9), 0.0)
            for k in range(around):
                radii[k] += t * (wall[k] - radii[k])
            for _ in range(2):
                for k in range(around):
                    smooth[k] = 0.25 * radii[k - 1] + 0.5 * radii[k] + 0.25 * radii[(k + 1) % around]
                for k in range(around):
                    radii[k] = smooth[k]
        for k in range(around):
            wall[k] = radii[k]
        now = _ring_length(radii)
        share_left = max(length[i] - now, 0.0) / now
        depth = min(now / (np.pi * folds) * (np.sqrt(share_left + 0.002) - np.sqrt(0.002)), _DEEPEST_M)
        _spread(radii, plane)
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
