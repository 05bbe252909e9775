"""Floors and wall coverings of the virtual room, each a formula for the colour at a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

NOISE_PIXELS = 512
NOISE_M = 2.4
"""One repeat of the noise pattern."""
JOINT_M = 0.004
SKIRTING_M = 0.09

Colors = Float32[np.ndarray, "points 3"]
Along = Float32[np.ndarray, "points"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Finish:
    """One covering: its kind, its colours and one size."""

    kind: str
    palette: Float32[np.ndarray, "tones 3"]
    """Linear RGB albedo."""
    size_m: float
    noise: Float32[np.ndarray, "size size"]
    """Tileable, mean 0, standard deviation 1."""

    def albedo(self, x: Along, y: Along) -> Colors:
        """Linear RGB at points of the surface, metres; on walls y is the height."""
        return _FORMULAS[self.kind](self, x, y)

    def pattern(self, x: Along, y: Along) -> Along:
        """The noise at points of the surface."""
        scale = NOISE_PIXELS / NOISE_M
        return sample_wrapped(self.noise, x * scale, y * scale)

    def tone(self, *cell: np.ndarray) -> Colors:
        """A colour of the palette for each cell of a pattern, scattered."""
        number = sum(c.astype(np.int64) * p for c, p in zip(cell, (7919, 104729, 1299709)))
        return self.palette[np.asarray(number) % len(self.palette)]


def draw_floor(rng: np.random.Generator, noise: np.ndarray) -> Finish:
    """A floor of planks, parquet, tiles, carpet or concrete."""
    kind = str(rng.choice(["planks", "parquet", "tiles", "carpet", "concrete"], p=[0.3, 0.2, 0.2, 0.2, 0.1]))
    if kind in ("planks", "parquet"):
        wood = np.array([[0.36, 0.22, 0.12], [0.17, 0.09, 0.05], [0.48, 0.36, 0.22], [0.3, 0.26, 0.22]])
        base, spread, tones = wood[rng.integers(len(wood))] * rng.uniform(0.8, 1.25), 0.22, 17
    elif kind == "tiles":
        base, spread, tones = rng.uniform(0.18, 0.6) * (1 + rng.normal(0, 0.06, 3)), 0.06, 11
    else:
        base, spread, tones = rng.uniform(0.08, 0.4) * (1 + rng.normal(0, 0.15, 3)), 0.05, 5
    palette = base * rng.uniform(1 - spread, 1 + spread, (tones, 1)) * (1 + rng.normal(0, spread / 7, (tones, 3)))
    size = {"planks": 0.14, "parquet": 0.3, "tiles": float(rng.choice([0.3, 0.45, 0.6]))}.get(kind, 0.5)
    return Finish(kind=kind, palette=palette.astype(np.float32), size_m=size, noise=noise)


def draw_wall(rng: np.random.Generator, noise: np.ndarray, kind: str | None = None) -> Finish:
    """A wall of paint, paint in two colours, striped paper, bricks or boards."""
    kind = kind or str(rng.choice(["paint", "two_tone", "stripes", "brick", "boards"], p=[0.5, 0.15, 0.12, 0.13, 0.1]))
    base = rng.uniform(0.4, 0.72) * (1 + rng.normal(0, 0.06, 3))
    second = base * rng.uniform(0.5, 0.9) * (1 + rng.normal(0, 0.12, 3))
    if kind == "brick":
        base = np.array([0.4, 0.2, 0.14]) if rng.uniform() < 0.6 else rng.uniform(0.4, 0.6) * np.ones(3)
        palette = base * rng.uniform(0.8, 1.2, (13, 1)) * (1 + rng.normal(0, 0.04, (13, 3)))
        second = np.array([0.42, 0.4, 0.38])
        palette = np.concatenate([[second], palette])
    else:
        palette = np.stack([base, second])
    size = float({"stripes": rng.uniform(0.06, 0.25), "boards": rng.uniform(0.1, 0.2)}.get(kind, 1.0))
    return Finish(kind=kind, palette=np.clip(palette, 0.02, 0.85).astype(np.float32), size_m=size, noise=noise)


def draw_noise(rng: np.random.Generator) -> Float32[np.ndarray, "size size"]:
    """Tileable noise of all sizes, mean 0, standard deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(NOISE_PIXELS)[:, None], np.fft.rfftfreq(NOISE_PIXELS)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((NOISE_PIXELS, NOISE_PIXELS))) / frequency
    noise = np.fft.irfft2(spectrum, s=(NOISE_PIXELS, NOISE_PIXELS))
    return (noise / noise.std()).astype(np.float32)


def sample_wrapped(image: np.ndarray, x: Float[np.ndarray, "points"], y: Float[np.ndarray, "points"]) -> np.ndarray:
    """Bilinear samples of a tileable float32 image at pixel coordinates of any range, for flat arrays of points."""
    width = 4096
    padded = -(-len(x) // width) * width
    grid = np.zeros((2, padded), np.float32)
    grid[0, : len(x)], grid[1, : len(x)] = np.mod(x, image.shape[1]), np.mod(y, image.shape[0])
    grid = grid.reshape(2, -1, width)
    if not grid.size:
        return np.zeros((0, *image.shape[2:]), np.float32)
    sampled = cv2.remap(image, grid[0], grid[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return sampled.reshape(padded, *image.shape[2:])[: len(x)]


def _planks(f: Finish, x: Along, y: Along) -> Colors:
    row = np.floor(y / f.size_m)
    shifted = x / 1.3 + 0.37 * row
    board = np.floor(shifted)
    across, within = y / f.size_m - row, shifted - board
    gap = (across < 0.03) | (across > 0.97) | (within < 0.003) | (within > 0.997)
    grain = f.pattern(0.15 * x + 0.31 * board + 0.7 * row, 2.5 * y)
    return np.where(gap[:, None], 0.04, f.tone(row, board) * (1 + 0.16 * grain[:, None]))


def _parquet(f: Finish, x: Along, y: Along) -> Colors:
    column, row = np.floor(x / f.size_m), np.floor(y / f.size_m)
    upright = (column + row) % 2 == 0
    along, across = np.where(upright, y, x), np.where(upright, x, y)
    strip = f.size_m / 4
    number = np.floor(across / strip)
    edge = np.abs(across / strip - number - 0.5) > 0.5 - 0.0012 / strip
    edge |= np.abs(along / f.size_m - np.floor(along / f.size_m) - 0.5) > 0.5 - 0.0012 / f.size_m
    grain = f.pattern(0.2 * along + 0.37 * number, 2.5 * across)
    color = f.tone(number, np.floor(along / f.size_m)) * (1 + 0.14 * grain[:, None])
    return np.where(edge[:, None], 0.35 * color, color)


def _tiles(f: Finish, x: Along, y: Along) -> Colors:
    column, row = np.floor(x / f.size_m), np.floor(y / f.size_m)
    inside = 0.5 - 0.5 * JOINT_M / f.size_m
    joint = (np.abs(x / f.size_m - column - 0.5) > inside) | (np.abs(y / f.size_m - row - 0.5) > inside)
    marble = f.pattern(x + 0.9 * row, y + 0.7 * column)
    color = f.tone(column, row) * (1 + 0.06 * marble[:, None])
    return np.where(joint[:, None], 0.6 * f.palette.mean(0), color)


def _carpet(f: Finish, x: Along, y: Along) -> Colors:
    pile = f.pattern(9 * x, 9 * y) + 0.6 * f.pattern(0.7 * y, 0.7 * x)
    check = (np.floor(x / f.size_m) + np.floor(y / f.size_m)) % 2
    return f.palette[check.astype(np.int64)] * (1 + 0.1 * pile[:, None])


def _concrete(f: Finish, x: Along, y: Along) -> Colors:
    cloud = 0.12 * f.pattern(0.5 * x, 0.5 * y) + 0.05 * f.pattern(4 * y, 4 * x)
    return f.palette[0] * (1 + cloud[:, None])


def _paint(f: Finish, x: Along, y: Along) -> Colors:
    return f.palette[0] * (1 + 0.04 * f.pattern(x, y)[:, None])


def _two_tone(f: Finish, x: Along, y: Along) -> Colors:
    color = np.where((y < 1.05)[:, None], f.palette[1], f.palette[0]) * (1 + 0.03 * f.pattern(x, y)[:, None])
    return np.where((np.abs(y - 1.05) < 0.035)[:, None], np.float32(0.55), color)


def _stripes(f: Finish, x: Along, y: Along) -> Colors:
    even = np.floor(x / f.size_m).astype(np.int64) % 2
    return f.palette[even] * (1 + 0.03 * f.pattern(x, y)[:, None])


def _brick(f: Finish, x: Along, y: Along) -> Colors:
    row = np.floor(y / 0.078)
    shifted = x / 0.25 + 0.5 * row
    column = np.floor(shifted)
    joint = (np.abs(y / 0.078 - row - 0.5) > 0.44) | (np.abs(shifted - column - 0.5) > 0.48)
    stone = f.palette[1 + (row.astype(np.int64) * 7919 + column.astype(np.int64) * 104729) % (len(f.palette) - 1)]
    return np.where(joint[:, None], f.palette[0], stone) * (1 + 0.12 * f.pattern(2 * x, 2 * y)[:, None])


def _boards(f: Finish, x: Along, y: Along) -> Colors:
    number = np.floor(x / f.size_m)
    groove = np.abs(x / f.size_m - number - 0.5) > 0.5 - 0.003 / f.size_m
    grain = f.pattern(2.5 * x, 0.15 * y + 0.37 * number)
    return f.palette[0] * (1 + 0.08 * grain[:, None]) * np.where(groove, np.float32(0.35), np.float32(1))[:, None]


_FORMULAS: dict[str, Callable[[Finish, np.ndarray, np.ndarray], np.ndarray]] = {
    "planks": _planks,
    "parquet": _parquet,
    "tiles": _tiles,
    "carpet": _carpet,
    "concrete": _concrete,
    "paint": _paint,
    "two_tone": _two_tone,
    "stripes": _stripes,
    "brick": _brick,
    "boards": _boards,
}
