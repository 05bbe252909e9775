"""Outlines of a body's level cuts in planes across both legs, and their lengths; numba."""

from __future__ import annotations

from typing import Final

import numba as nb
import numpy as np
from jaxtyping import Float

from body.garments.kernels import COMPILED
from body.garments.sections import Sections

DIRECTIONS: Final = 72
"""In which the hull of a cut is measured."""
_BEND: Final = 7
"""Levels on both sides over which the axis of the tube is taken."""
_ACROSS: Final = 24
"""Levels on both sides whose cuts may pass another level's plane."""
AROUND: Final = 2 * DIRECTIONS
"""Points of a ring; the first is at the back, where the seam of the texture is."""
_WIDTH: Final = 31
_STEP: Final = 2 * np.pi / DIRECTIONS
_SINES: Final = np.sin(_STEP * np.arange(DIRECTIONS))
_COSINES: Final = np.cos(_STEP * np.arange(DIRECTIONS))
_SECANTS: Final = 1 / np.cos(_STEP * (np.arange(_WIDTH) - _WIDTH // 2 - np.array([[0.0], [0.5]])))
_RING: Final = _STEP / 2 * np.arange(AROUND) - np.pi
RING_SINES, RING_COSINES = np.sin(_RING), np.cos(_RING)


def hull_length(sections: Sections, vertices: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "levels"]:
    """Length of a string around each cut of a posed body, metres."""
    rings = rings_of(vertices, sections.ends, sections.share)
    frames = frames_of(rings)
    return 2 * np.pi * reaches(rings, frames).mean(1)


@nb.njit(**COMPILED)
def rings_of(vertices, ends, share):
    """(levels, 2, points, 3): points of the cuts of a posed body."""
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
def frames_of(rings):
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
def reaches(rings, frames):
    """(levels, directions): how far each cut reaches in each direction of its plane."""
    levels, halves, count, _ = rings.shape
    reach = np.full((levels, DIRECTIONS), -1e9)
    for s in range(levels):
        for h in range(halves):
            for k in range(count):
                x, z = 0.0, 0.0
                for c in range(3):
                    d = rings[s, h, k, c] - frames[s, 0, c]
                    x += d * frames[s, 1, c]
                    z += d * frames[s, 2, c]
                for j in range(DIRECTIONS):
                    reach[s, j] = max(reach[s, j], x * _SINES[j] + z * _COSINES[j])
    return reach


@nb.njit(**COMPILED)
def widened(rings, frames, reach):
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
                        for j in range(DIRECTIONS):
                            wide[s, j] = max(wide[s, j], x * _SINES[j] + z * _COSINES[j] - less)
    return wide


@nb.njit(**COMPILED)
def outline(reach, radii):
    """Distance of the hull's outline from the centre at each point of a ring."""
    for k in range(2 * DIRECTIONS):
        best = 1e9
        for j in range(_WIDTH):
            at = k // 2 + j - _WIDTH // 2 + DIRECTIONS // 2
            best = min(best, max(reach[at % DIRECTIONS], 0.01) * _SECANTS[k % 2, j])
        radii[k] = best


@nb.njit(**COMPILED)
def ring_length(radii):
    """Length of the closed line through the points of a ring."""
    around = len(radii)
    twice = 2 * np.cos(2 * np.pi / around)
    total = 0.0
    for k in range(around):
        a, b = radii[k], radii[(k + 1) % around]
        total += np.sqrt(a * a + b * b - twice * a * b)
    return total


@nb.njit(**COMPILED)
def spread(radii, plane):
    """The outline's points at equal distances along it, from the back; (around, 2), left and front."""
    around = len(radii)
    twice = 2 * np.cos(2 * np.pi / around)
    step = ring_length(radii) / around
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
        plane[i, 0] = (1 - t) * radii[k] * RING_SINES[k] + t * radii[n] * RING_SINES[n]
        plane[i, 1] = (1 - t) * radii[k] * RING_COSINES[k] + t * radii[n] * RING_COSINES[n]
