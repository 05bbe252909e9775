"""The coarse answer to "inside or outside?" everywhere: the indicator function whose gradient the points' normals are.

Poisson surface reconstruction on a regular grid, solved by one Fourier transform there and back (Kazhdan 2005). It
closes what the points leave open; near the points `sparse_field` is finer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import scipy.fft
from jaxtyping import Float, Float32

MARGIN = 6
"""Cells around the points: the grid repeats itself, and a closed surface's field has faded by there."""
SMOOTH_CELLS = 0.8
"""Standard deviation of the Gaussian over the solution; less leaves the steps of the grid in filled holes."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Indicator:
    """A signed distance on a grid, right in sign and within some half a cell near the surface."""

    origin: Float[np.ndarray, "3"]
    """Place of value [0, 0, 0], metres."""
    cell_m: float
    distance: Float32[np.ndarray, "x y z"]
    """Metres, positive outside; it saturates some two cells away from the surface."""


def solve_indicator(
    points: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    cell_m: float,
    blocks_of: int = 1,
) -> Indicator:
    """The indicator of oriented points, metres; the size of the grid is a multiple of `blocks_of` cells plus one.

    The zero level goes through the points on average. Each point stands for the area that its neighbourhood leaves
    it, so that dense and sparse parts weigh the same.
    """
    low, high = points.min(0), points.max(0)
    origin = low - MARGIN * cell_m
    cells = np.ceil((high - low) / cell_m).astype(int) + 2 * MARGIN + 1
    cells = -(-cells // blocks_of) * blocks_of
    shape = (_quick(cells[0]), _quick(cells[1]), _quick(cells[2]))
    q = np.ascontiguousarray((points - origin) / cell_m)
    unit = np.ascontiguousarray(normals, np.float64)
    density = np.zeros(shape, np.float32)
    splat(q, np.ones(len(q)), density)
    area = 1 / np.maximum(gather(q, density), 1e-6)
    divergence = np.zeros(shape, np.float32)
    splat_divergence(q, unit * area[:, None], divergence)
    solved = np.asarray(scipy.fft.irfftn(scipy.fft.rfftn(divergence) * _response(shape), s=shape))
    chi = np.ascontiguousarray(solved[: cells[0] + 1, : cells[1] + 1, : cells[2] + 1], np.float32)
    level = np.average(gather(q, chi), weights=area)
    steepness = np.average(np.abs(_slopes(q, unit, chi)), weights=area)
    distance = (chi - np.float32(level)) * np.float32(cell_m / max(float(steepness), 1e-9))
    return Indicator(origin=origin, cell_m=cell_m, distance=distance)


def _quick(cells: np.integer) -> int:
    """The next size that Fourier transforms like."""
    return int(scipy.fft.next_fast_len(int(cells) + 1, real=True) or 0)


def _slopes(q: np.ndarray, unit: np.ndarray, chi: np.ndarray) -> np.ndarray:
    """Change of the field along the normals, for one cell."""
    half = 0.5 * unit
    return gather(q + half, chi) - gather(q - half, chi)


def gather(q: Float[np.ndarray, "points 3"], grid: Float32[np.ndarray, "x y z"]) -> Float[np.ndarray, "points"]:
    """Trilinear values at q, in cells."""
    out = np.empty(len(q))
    read(q, grid, out)
    return out


def _response(shape: tuple[int, ...]) -> Float32[np.ndarray, "x y z"]:
    """Of the inverse Laplacian on the grid, smoothed; zero for the mean, which the level takes care of."""
    total, smoothing = None, None
    for axis, count in enumerate(shape):
        k = 2 * np.pi * (scipy.fft.rfftfreq(count) if axis == 2 else scipy.fft.fftfreq(count))
        k = k.reshape([-1 if a == axis else 1 for a in range(3)])
        eigenvalue, gaussian = (2 - 2 * np.cos(k)).astype(np.float32), np.exp(-0.5 * (SMOOTH_CELLS * k) ** 2)
        total = eigenvalue if total is None else total + eigenvalue
        smoothing = gaussian.astype(np.float32) if smoothing is None else smoothing * gaussian.astype(np.float32)
    assert total is not None
    assert smoothing is not None
    total[0, 0, 0] = np.inf
    return -smoothing / total


@nb.njit(cache=True, nogil=True)
def splat(q, value, grid):
    """Adds each value to the eight grid points around q, by trilinear weights."""
    for n in range(len(q)):
        i, j, k = int(np.floor(q[n, 0])), int(np.floor(q[n, 1])), int(np.floor(q[n, 2]))
        x, y, z = q[n, 0] - i, q[n, 1] - j, q[n, 2] - k
        for a in range(2):
            wx = x if a else 1 - x
            for b in range(2):
                wy = y if b else 1 - y
                for c in range(2):
                    grid[i + a, j + b, k + c] += value[n] * wx * wy * (z if c else 1 - z)


@nb.njit(cache=True, nogil=True)
def splat_divergence(q, v, grid):
    """Adds the divergence of the vectors, each spread over the staggered faces between grid points."""
    for n in range(len(q)):
        for axis in range(3):
            sx, sy, sz = (0.5 if axis == 0 else 0.0), (0.5 if axis == 1 else 0.0), (0.5 if axis == 2 else 0.0)
            px, py, pz = q[n, 0] - sx, q[n, 1] - sy, q[n, 2] - sz
            i, j, k = int(np.floor(px)), int(np.floor(py)), int(np.floor(pz))
            x, y, z = px - i, py - j, pz - k
            di, dj, dk = (1 if axis == 0 else 0), (1 if axis == 1 else 0), (1 if axis == 2 else 0)
            for a in range(2):
                wx = x if a else 1 - x
                for b in range(2):
                    wy = y if b else 1 - y
                    for c in range(2):
                        flow = v[n, axis] * wx * wy * (z if c else 1 - z)
                        grid[i + a, j + b, k + c] += flow  # leaves the grid point below the face
                        grid[i + a + di, j + b + dj, k + c + dk] -= flow


@nb.njit(cache=True, nogil=True)
def read(q, grid, out):
    """Fills the trilinear values at q, which lies inside the grid."""
    for n in range(len(q)):
        i = min(max(int(np.floor(q[n, 0])), 0), grid.shape[0] - 2)
        j = min(max(int(np.floor(q[n, 1])), 0), grid.shape[1] - 2)
        k = min(max(int(np.floor(q[n, 2])), 0), grid.shape[2] - 2)
        x, y, z = q[n, 0] - i, q[n, 1] - j, q[n, 2] - k
        total = 0.0
        for a in range(2):
            wx = x if a else 1 - x
            for b in range(2):
                wy = y if b else 1 - y
                for c in range(2):
                    total += grid[i + a, j + b, k + c] * wx * wy * (z if c else 1 - z)
        out[n] = total
