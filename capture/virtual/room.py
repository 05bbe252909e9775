"""The empty room of the virtual rig: a box with a plank floor, painted walls and posters, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int

HALF_WIDTH_M = 3.6
HEIGHT_M = 2.9
NOISE_PIXELS = 512
NOISE_M = 2.4  # one repeat of the noise pattern
PLANK_WIDTH_M, PLANK_LENGTH_M = 0.14, 1.3
SKIRTING_M = 0.09
POSTERS = 14

# Sides: -x, +x, -y, +y, floor, ceiling. Normals point into the room.
NORMALS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32)
FLOOR = 4
CEILING_ALBEDO = 0.75


@dataclass(frozen=True, kw_only=True, eq=False)
class RoomHits:
    """Where rays meet the room."""

    t: Float[np.ndarray, "*rays"]
    """Ray parameter, the depth in metres when directions have z = 1 in the camera frame; NaN for a NaN ray."""
    side: Int[np.ndarray, "*rays"]
    point: Float[np.ndarray, "*rays 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Room:
    """Colours of the room's surfaces; draw one with `draw_room`."""

    noise: Float[np.ndarray, "size size"]
    """Tileable, mean 0, standard deviation 1."""
    walls: Float[np.ndarray, "4 3"]
    """Linear RGB albedo of the four walls."""
    planks: Float[np.ndarray, "tones 3"]
    posters: Float[np.ndarray, "posters 8"]
    """Wall, centre along the wall, centre height, half width, half height (metres), linear RGB."""

    def hit(self, origin: Float[np.ndarray, "3"], directions: Float[np.ndarray, "*rays 3"]) -> RoomHits:
        """Where rays from a point inside the room leave it."""
        low = np.array([-HALF_WIDTH_M, -HALF_WIDTH_M, 0.0], np.float32)
        high = np.array([HALF_WIDTH_M, HALF_WIDTH_M, HEIGHT_M], np.float32)
        d, o = directions.astype(np.float32), origin.astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(d > 0, (high - o) / d, np.where(d < 0, (low - o) / d, np.inf))
        t[np.isnan(d)] = np.nan
        axis = np.argmin(t, -1)
        nearest = np.take_along_axis(t, axis[..., None], -1)[..., 0]
        side = 2 * axis + (np.take_along_axis(d, axis[..., None], -1)[..., 0] > 0)
        return RoomHits(t=nearest, side=side, point=o + nearest[..., None] * d)

    def albedo(self, hits: RoomHits) -> Float[np.ndarray, "*rays 3"]:
        """Linear RGB albedo at the hits."""
        p, side = hits.point.reshape(-1, 3), hits.side.reshape(-1)
        color = np.full((len(p), 3), CEILING_ALBEDO, np.float32)
        for number in range(4):
            on_wall = np.flatnonzero(side == number)
            color[on_wall] = self._wall(number, p[on_wall, 1 - number // 2], p[on_wall, 2])
        floor = side == FLOOR
        color[floor] = self._planks(p[floor, 0], p[floor, 1])
        return np.clip(color, 0.01, 0.95).reshape(*hits.side.shape, 3)

    def _wall(self, number: int, along: np.ndarray, height: np.ndarray) -> np.ndarray:
        color = np.tile(self.walls[number], (len(along), 1))
        for _, center, middle, half_width, half_height, *rgb in self.posters[self.posters[:, 0] == number]:
            across, up = np.abs(along - center), np.abs(height - middle)
            inside = (across < half_width) & (up < half_height)
            color[inside] = rgb
            color[inside & ((across > half_width - 0.03) | (up > half_height - 0.03))] = 0.06
        color *= 1 + 0.04 * self._pattern(along, height)[:, None]
        color[height < SKIRTING_M] = 0.35
        return color

    def _planks(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        row = np.floor(y / PLANK_WIDTH_M).astype(int)
        shifted = x / PLANK_LENGTH_M + 0.37 * row
        tone = (row * 7919 + np.floor(shifted).astype(int) * 104729) % len(self.planks)
        across, within = y / PLANK_WIDTH_M - row, shifted - np.floor(shifted)
        gap = (across < 0.03) | (across > 0.97) | (within < 0.003) | (within > 0.997)
        grain = self._pattern(0.15 * x + 0.31 * tone, 2.5 * y)
        return np.where(gap[:, None], 0.04, self.planks[tone] * (1 + 0.16 * grain[:, None]))

    def _pattern(self, x_m: np.ndarray, y_m: np.ndarray) -> np.ndarray:
        scale = NOISE_PIXELS / NOISE_M
        return sample_wrapped(self.noise, x_m * scale, y_m * scale)


def draw_room(rng: np.random.Generator) -> Room:
    """A room with its own paint, planks and posters."""
    tint = rng.uniform(0.5, 0.72) * (1 + rng.normal(0, 0.03, 3))
    walls = tint * rng.uniform(0.85, 1.1, (4, 1)) * (1 + rng.normal(0, 0.02, (4, 3)))
    wood = np.array([0.36, 0.22, 0.12]) * rng.uniform(0.7, 1.3)
    planks = wood * rng.uniform(0.75, 1.25, (17, 1)) * (1 + rng.normal(0, 0.03, (17, 3)))
    posters = np.concatenate(
        [
            rng.integers(0, 4, (POSTERS, 1)),
            rng.uniform(-3.2, 3.2, (POSTERS, 1)),
            rng.uniform(1.2, 2.0, (POSTERS, 1)),
            rng.uniform(0.15, 0.5, (POSTERS, 2)),
            rng.uniform(0.05, 0.7, (POSTERS, 3)),
        ],
        1,
    )
    return Room(noise=_noise(rng), walls=walls.astype(np.float32), planks=planks.astype(np.float32), posters=posters)


def sample_wrapped(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
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


def _noise(rng: np.random.Generator) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(NOISE_PIXELS)[:, None], np.fft.rfftfreq(NOISE_PIXELS)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((NOISE_PIXELS, NOISE_PIXELS))) / frequency
    noise = np.fft.irfft2(spectrum, s=(NOISE_PIXELS, NOISE_PIXELS))
    return (noise / noise.std()).astype(np.float32)
