"""One time-of-flight depth camera: its own constants, and the depth images that it sends."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numba as nb
import numpy as np
from jaxtyping import Bool, Float32, UInt16
from scipy.ndimage import gaussian_filter

from capture.virtual.depth_effects import DepthEffects
from capture.virtual.tof.mixing import Echoes, Mixer
from capture.virtual.tof.modes import lit, mode_named
from capture.virtual.tof.multipath import Multipath
from geometry.camera import Camera
from geometry.face_raster.face_image import Window
from geometry.rays import ray_table

MAX_BIAS_M, MAX_SCALE = 0.011, 1e-3
"""Limits of the systematic error: 11 mm + 0.1 % of the distance (hardware specification)."""
TABLE = 2**20
"""Random numbers kept of each kind; each frame begins at places of its own."""
TILE = 1024
"""Side of the image of noise for distances."""
TABLE_SEED = 20210108
WAVE_STEPS = 1024
"""Steps of one period of wiggling."""
COUNTS = 1700.0
"""Infrared counts of a white wall (reflectance times cosine 1) at 1 m. Where a real frame has depth, counts times
squared distance are 1550 at their 99th percentile (recording.mkv in the tests of etiennedub/pyk4a)."""
COUNTS_NOISE = (56.0, 0.37)
"""Variance of the counts, constant and per count: in smooth places of that frame the deviation is 10 at 150 counts, 13
at 300, 17 at 600 and 23.5 at 1200."""
SLOPE_M = 0.05
"""A pixel's neighbours within this depth are one surface, which lateral noise slides along."""


@cache
def _random_tables() -> tuple[Float32[np.ndarray, "table"], Float32[np.ndarray, "table"]]:
    """Independent normal and uniform numbers."""
    rng = np.random.default_rng(TABLE_SEED)
    return rng.standard_normal(TABLE, np.float32), rng.random(TABLE, np.float32)


@cache
def noise_tile(widths_px: tuple[float, float]) -> Float32[np.ndarray, "tile tile"]:
    """Normal numbers of unit variance whose neighbours are alike; it repeats without a seam."""
    rng = np.random.default_rng(TABLE_SEED + 1)
    tile = np.zeros((TILE, TILE), np.float32)
    for width in widths_px:
        part = gaussian_filter(rng.standard_normal((TILE, TILE), np.float32), width, mode="wrap")
        tile += part / part.std()
    return tile / tile.std()


@cache
def _lit(mode: str, shape: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
    return lit(mode_named(mode), shape)


def mixer_of(effects: DepthEffects, height: int, width: int) -> Mixer:
    """What adds the echoes of a sensor with these effects."""
    return Mixer(height, width, effects.modulation_hz, effects.point_spread_px, effects.flying_pixels)


class TofSensor:
    """One unit in one mode. Build it again in each process: the same generator state gives the same unit."""

    def __init__(
        self,
        camera: Camera,
        mode: str,
        effects: DepthEffects,
        rng: np.random.Generator,
        rays: Float32[np.ndarray, "height width 2"] | None = None,
        mixer: Mixer | None = None,
    ) -> None:
        """`rng` draws the unit's bias, scale and wiggling; `rays` is the camera's ray table where it is at hand.

        `mixer` is `mixer_of` these effects, whose 15 MB of buffers several sensors may share in one thread.
        Raises CaptureError for an unknown mode.
        """
        self.camera, self.effects, self.mode = camera, effects, mode_named(mode)
        draws = rng.standard_normal(2)
        self.bias_m = float(np.clip(effects.bias_spread_m * draws[0], -MAX_BIAS_M, MAX_BIAS_M)) if effects.bias else 0.0
        self.scale = float(np.clip(effects.scale_spread * draws[1], -MAX_SCALE, MAX_SCALE)) if effects.scale else 0.0
        self.wiggling_m = float(rng.uniform(0, effects.wiggling_m)) if effects.wiggling else 0.0
        self.wiggling_phase = float(rng.uniform(0, 2 * np.pi))
        self._waves = (self.wiggling_m * np.sin(np.arange(WAVE_STEPS) * 2 * np.pi / WAVE_STEPS)).astype(np.float32)
        height, width = camera.height, camera.width
        self._mixer = mixer_of(effects, height, width) if mixer is None else mixer
        rays = ray_table(camera).astype(np.float32) if rays is None else rays
        self._multipath = (
            Multipath(
                rays,
                self._mixer.phase_per_m,
                effects.multipath_strength,
                self._mixer.phase_per_m * effects.frequency_spread,
            )
            if effects.multipath
            else None
        )
        self._noise = noise_tile(effects.noise_px)
        self._lit = _lit(mode, (height, width)) if effects.invalid else np.ones((height, width), bool)

    def truth(self) -> dict[str, Any]:
        """The unit's own errors, fit for JSON."""
        return {
            "bias_m": self.bias_m,
            "scale": self.scale,
            "wiggling_m": self.wiggling_m,
            "wiggling_phase_rad": self.wiggling_phase,
        }

    def sense(
        self,
        z_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        amplitude_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        rng: np.random.Generator,
        disturbed: float = 0.0,
    ) -> UInt16[np.ndarray, "height width"]:
        """The depth image in millimetres, 0 where it is missing.

        z_fine: exact depth of 2x2 samples a pixel, metres, inf where nothing is. amplitude_fine: reflectance times
        cosine of incidence over squared metres. disturbed: part of the exposure that other cameras' light falls into.
        """
        echoes = self._mixer.echoes(z_fine, amplitude_fine)
        added = (
            np.zeros_like(echoes.z) if self._multipath is None else self._multipath.added(echoes.z, echoes.amplitude)
        )
        return self._measured(echoes, added, self._lit, rng, disturbed)

    @property
    def grid_px(self) -> int:
        """Windows of `sense_window` begin and end at multiples of this many pixels, or at the image's border."""
        return 1 if self._multipath is None else self._multipath.grid_px

    def read_places(self) -> Bool[np.ndarray, "height width"] | None:
        """The pixels outside a window that `sense_window` looks at; None: none."""
        return None if self._multipath is None else self._multipath.read_places()

    def sense_window(
        self,
        window: Window,
        z_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        amplitude_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        beyond: tuple[Float32[np.ndarray, "height width"], Float32[np.ndarray, "height width"]],
        rng: np.random.Generator,
    ) -> UInt16[np.ndarray, "rows columns"]:
        """A window of the depth image, from its samples alone; noise falls elsewhere than in the whole image.

        `beyond` are depth and amplitude at the centres of the whole image's pixels, of which only `read_places` must be
        filled: from there, too, light comes by way of other surfaces. What the samples show of the window is written
        over them.
        """
        echoes = self._mixer.echoes(z_fine, amplitude_fine)
        if self._multipath is None:
            added = np.zeros_like(echoes.z)
        else:
            seen = np.isfinite(echoes.z)
            for whole, part in zip(beyond, (echoes.z, echoes.amplitude)):
                np.copyto(whole[window], part, where=seen)
            added = self._multipath.added_in(window, *beyond)
        return self._measured(echoes, added, np.ascontiguousarray(self._lit[window]), rng, 0.0)

    def _measured(
        self, echoes: Echoes, added: np.ndarray, lit_pixels: np.ndarray, rng: np.random.Generator, disturbed: float
    ) -> UInt16[np.ndarray, "rows columns"]:
        e = self.effects
        normal, uniform = _random_tables()
        starts = rng.integers(0, TABLE, 6)
        out = np.empty(echoes.z.shape, np.uint16)
        disturbed = float(disturbed) if e.interference else 0.0
        _sense(
            echoes.z,
            echoes.amplitude,
            echoes.coherence,
            added,
            lit_pixels,
            normal,
            uniform,
            self._noise,
            starts,
            np.array(
                [
                    self.bias_m,
                    self.scale,
                    4 * self._mixer.phase_per_m / (2 * np.pi) * WAVE_STEPS,
                    self.wiggling_phase / (2 * np.pi) * WAVE_STEPS,
                    e.sigma_floor_m if e.axial_noise else 0.0,
                    e.sigma_slope if e.axial_noise else 0.0,
                    e.sigma_max_m,
                    e.reference_reflectance,
                    e.lateral_px if e.lateral_noise else 0.0,
                    e.min_amplitude if e.invalid else 0.0,
                    e.max_amplitude if e.invalid else np.inf,
                    e.min_coherence if e.invalid else 0.0,
                    e.softness,
                    self.mode.nearest_m,
                    self.mode.range_m[1],
                    e.disturbed_loss * disturbed,
                    1 + (e.disturbed_noise - 1) * disturbed,
                ],
                np.float32,
            ),
            self._waves,
            out,
        )
        return out

    def brightness(
        self, amplitude_fine: Float32[np.ndarray, "fine_rows fine_columns"], rng: np.random.Generator
    ) -> UInt16[np.ndarray, "height width"]:
        """The infrared image of the same exposure: active brightness in counts. Room light is not simulated."""
        e = self.effects
        sharp = np.where(np.isfinite(amplitude_fine), amplitude_fine, 0).astype(np.float32)
        blurred = cv2.GaussianBlur(sharp, (0, 0), 2 * e.point_spread_px)  # two samples a pixel
        counts = COUNTS * cv2.resize(blurred, self._lit.shape[::-1], interpolation=cv2.INTER_AREA)
        if e.axial_noise:
            counts += np.sqrt(COUNTS_NOISE[0] + COUNTS_NOISE[1] * counts) * rng.standard_normal(
                counts.shape, np.float32
            )
        return np.where(self._lit, np.clip(np.rint(counts), 0, 65535), 0).astype(np.uint16)


@nb.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def _sense(z_image, amplitude, coherence, added, lit_pixels, normal, uniform, noise, starts, p, waves, out):
    bias, scale, wave, phase = p[0], p[1], p[2], p[3]
    floor, slope, most, reference, lateral = p[4], p[5], p[6], p[7], p[8]
    dark, bright, incoherent, soft, nearest, farthest = p[9], p[10], p[11], p[12], p[13], p[14]
    loss, louder = p[15], p[16]
    one, none, half = np.float32(1), np.float32(0), np.float32(0.5)
    least, slope_m = np.float32(0.05), np.float32(SLOPE_M)
    rows, columns = z_image.shape
    mask, wave_mask, tile_mask = len(normal) - 1, len(waves) - 1, len(noise) - 1
    for r in range(rows):
        n = r * columns
        above, below = max(r - 1, 0), min(r + 1, rows - 1)
        for c in range(columns):
            n += 1
            out[r, c] = 0
            z, strength = z_image[r, c], amplitude[r, c]
            if not lit_pixels[r, c] or not z < np.inf:
                continue
            limit = one + soft * (2 * uniform[(starts[0] + n) & mask] - one)
            if strength < dark * limit or strength > bright * limit or coherence[r, c] < incoherent * limit:
                continue
            if loss > 0 and uniform[(starts[1] + n) & mask] < loss:
                continue
            measured = z * (one + scale) + bias + added[r, c]
            if lateral > 0:  # a pixel that looks beside its ray reads its surface's depth there
                left, right = z_image[r, max(c - 1, 0)], z_image[r, min(c + 1, columns - 1)]
                if abs(left - z) < slope_m and abs(right - z) < slope_m:
                    measured += half * (right - left) * lateral * normal[(starts[2] + n) & mask]
                up, down = z_image[above, c], z_image[below, c]
                if abs(up - z) < slope_m and abs(down - z) < slope_m:
                    measured += half * (down - up) * lateral * normal[(starts[3] + n) & mask]
            share = min(max(strength * z * z / reference, least), one)
            sigma = min((floor + slope * max(z - half, none)) / np.sqrt(share), most)
            measured += louder * sigma * noise[(starts[4] + r) & tile_mask, (starts[5] + c) & tile_mask]
            measured += waves[int(wave * z + phase) & wave_mask]
            if nearest <= measured <= farthest:
                out[r, c] = np.uint16(np.float32(1000) * measured + half)
