"""The echo of each pixel: one surface's, or the sum of several as phasors at depth edges (flying pixels); numba."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float32

LIGHT_M_S = 299792458.0
EDGE_M, EDGE_SLOPE = 0.02, 0.02
"""Samples of a pixel and around it that differ by more than this + slope x depth are added as phasors; below, phases
are so near that the mean depth is the same."""
REACH = 3
"""Fine samples on each side of a pixel's centre whose light reaches it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Echoes:
    """What arrives at each pixel."""

    z: Float32[np.ndarray, "rows columns"]
    """Depth that its phase says, metres; inf where nothing comes back."""
    amplitude: Float32[np.ndarray, "rows columns"]
    """Reflectance times cosine over squared distance (m)."""
    coherence: Float32[np.ndarray, "rows columns"]
    """Strength of the sum over the sum of strengths: 1 for one surface."""


class Mixer:
    """Adds the 2x2 samples of each pixel; keeps its buffers from frame to frame."""

    def __init__(self, height: int, width: int, modulation_hz: float, point_spread_px: float, flying: bool) -> None:
        """`flying` False: a pixel at an edge sees the nearer surface alone."""
        self.phase_per_m = 4 * np.pi * modulation_hz / LIGHT_M_S
        offsets = np.arange(-REACH + 0.5, REACH)
        weights = np.exp(-0.5 * np.square(offsets / (2 * point_spread_px)))
        self._weights = np.outer(weights, weights).astype(np.float32)
        self._flying = flying
        self._phasors = np.zeros((2 * height, 2 * width, 2), np.float32)
        self._known = np.zeros((2 * height, 2 * width), np.int32)
        self._limits = np.empty((2, height, width), np.float32)
        self._frame = 0

    def echoes(
        self,
        z_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        amplitude_fine: Float32[np.ndarray, "fine_rows fine_columns"],
    ) -> Echoes:
        """The echo of each pixel from 2x2 samples of depth (metres, inf: nothing) and echo strength."""
        shape = (z_fine.shape[0] // 2, z_fine.shape[1] // 2)
        z, amplitude, coherence = (np.empty(shape, np.float32) for _ in range(3))
        self._frame += 1
        _mix(
            z_fine,
            amplitude_fine,
            np.float32(self.phase_per_m),
            self._weights,
            self._flying,
            self._phasors,
            self._known,
            self._frame,
            self._limits[0],
            self._limits[1],
            z,
            amplitude,
            coherence,
        )
        return Echoes(z=z, amplitude=amplitude, coherence=coherence)


_FAST = {"contract", "reassoc", "arcp", "nsz"}


@nb.njit(cache=True, error_model="numpy", fastmath=_FAST)
def _mix(z_fine, a_fine, k, weights, flying, phasors, known, frame, low, high, z_out, a_out, c_out):
    rows, columns = z_out.shape
    _blocks(z_fine, a_fine, low, high, z_out, a_out, c_out)
    edge_m, edge_slope = np.float32(EDGE_M), np.float32(EDGE_SLOPE)
    tops, bottoms = np.empty(columns + 2, np.float32), np.empty(columns + 2, np.float32)
    for r in range(rows):
        above, below = max(r - 1, 0), min(r + 1, rows - 1)
        for c in range(columns):
            tops[c + 1] = min(low[above, c], low[r, c], low[below, c])
            bottoms[c + 1] = max(high[above, c], high[r, c], high[below, c])
        tops[0], tops[columns + 1] = np.inf, np.inf
        bottoms[0], bottoms[columns + 1] = -np.inf, -np.inf
        for c in range(columns):
            nearest = min(tops[c], tops[c + 1], tops[c + 2])
            farthest = max(bottoms[c], bottoms[c + 1], bottoms[c + 2])
            near = nearest + edge_m + edge_slope * nearest
            if not farthest > near:
                continue
            if flying:
                _add(z_fine, a_fine, k, weights, phasors, known, frame, r, c, z_out, a_out, c_out)
            elif high[r, c] > low[r, c] + edge_m + edge_slope * low[r, c]:
                _nearer(z_fine, a_fine, low[r, c] + edge_m + edge_slope * low[r, c], r, c, z_out, a_out)


@nb.njit(cache=True, error_model="numpy", fastmath=_FAST)
def _blocks(z_fine, a_fine, low, high, z_out, a_out, c_out):
    """Least and greatest depth of each pixel's four samples, and their mean where they are one surface."""
    rows, columns = z_out.shape
    none = np.float32(np.inf)
    for r in range(rows):
        for c in range(columns):
            z0, z1, z2, z3 = (
                z_fine[2 * r, 2 * c],
                z_fine[2 * r, 2 * c + 1],
                z_fine[2 * r + 1, 2 * c],
                z_fine[2 * r + 1, 2 * c + 1],
            )
            a0, a1, a2, a3 = (
                a_fine[2 * r, 2 * c],
                a_fine[2 * r, 2 * c + 1],
                a_fine[2 * r + 1, 2 * c],
                a_fine[2 * r + 1, 2 * c + 1],
            )
            c_out[r, c] = 1
            if z0 + z1 + z2 + z3 < none:  # false for NaN too
                low[r, c], high[r, c] = min(z0, z1, z2, z3), max(z0, z1, z2, z3)
                amplitude = a0 + a1 + a2 + a3
                a_out[r, c] = np.float32(0.25) * amplitude
                z_out[r, c] = (a0 * z0 + a1 * z1 + a2 * z2 + a3 * z3) / amplitude if amplitude > 0 else none
                continue
            low[r, c], high[r, c] = none, -none
            amplitude, moment = np.float32(0), np.float32(0)
            for z, a in ((z0, a0), (z1, a1), (z2, a2), (z3, a3)):
                if z < none:
                    low[r, c], high[r, c] = min(low[r, c], z), max(high[r, c], z)
                    amplitude += a
                    moment += a * z
            a_out[r, c] = np.float32(0.25) * amplitude
            z_out[r, c] = moment / amplitude if amplitude > 0 else none


@nb.njit(cache=True, error_model="numpy", fastmath=_FAST)
def _nearer(z_fine, a_fine, near, r, c, z_out, a_out):
    """The nearer surface alone."""
    amplitude, moment, seen = np.float32(0), np.float32(0), 0
    for i in range(2 * r, 2 * r + 2):
        for j in range(2 * c, 2 * c + 2):
            if z_fine[i, j] <= near:
                amplitude += a_fine[i, j]
                moment += a_fine[i, j] * z_fine[i, j]
                seen += 1
    if amplitude > 0:
        a_out[r, c], z_out[r, c] = amplitude / seen, moment / amplitude


@nb.njit(cache=True, error_model="numpy", fastmath=_FAST)
def _add(z_fine, a_fine, k, weights, phasors, known, frame, r, c, z_out, a_out, c_out):
    """All surfaces within reach, as phasors."""
    fine_rows, fine_columns = z_fine.shape
    total, moment = np.float32(0), np.float32(0)
    real, imaginary, weight = np.float32(0), np.float32(0), np.float32(0)
    for y in range(weights.shape[0]):
        i = 2 * r + 1 - REACH + y
        if i < 0 or i >= fine_rows:
            continue
        for x in range(weights.shape[1]):
            j = 2 * c + 1 - REACH + x
            if j < 0 or j >= fine_columns:
                continue
            w = weights[y, x]
            weight += w
            z = z_fine[i, j]
            if not z < np.inf:
                continue
            if known[i, j] != frame:
                known[i, j] = frame
                phasors[i, j, 0], phasors[i, j, 1] = np.cos(k * z), np.sin(k * z)
            w *= a_fine[i, j]
            total += w
            moment += w * z
            real += w * phasors[i, j, 0]
            imaginary += w * phasors[i, j, 1]
    if total <= 0:
        a_out[r, c], z_out[r, c] = 0, np.inf
        return
    mean = moment / total
    turn = np.arctan2(imaginary, real) - k * mean
    turn -= np.float32(2 * np.pi) * np.round(turn / np.float32(2 * np.pi))
    z_out[r, c] = mean + turn / k
    a_out[r, c] = total / weight
    c_out[r, c] = np.sqrt(real * real + imaginary * imaginary) / total
