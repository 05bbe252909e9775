"""Depth of a RealSense D4xx: disparity of the left image as a stereo matcher finds it (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float32, UInt16

from capture.errors import CaptureError
from capture.virtual.realsense import MODELS, RealSense
from capture.virtual.smooth_noise import shared_noise
from capture.virtual.stereo_effects import StereoEffects

NOISE_SEED, EDGE_SEED, TEXTURE_SEED = 61, 62, 63
EDGE_WIDTH_PX, TEXTURE_WIDTH_PX = 3.0, 2.5
"""Over how many pixels the raggedness of edges and of holes is alike. Assumed."""
PASSING_PX = 0.1
"""A surface may pass itself in the right image by this much: where it is steep, or a pixel sees two of them."""
TEXTURE_SPREAD = 0.35
"""Deviation of the logarithm of the weakest echo that is matched. Assumed."""


class StereoDepth:
    """One unit: its own calibration error. Cheap to make again in another process."""

    def __init__(
        self,
        realsense: RealSense,
        effects: StereoEffects,
        rng: np.random.Generator,
        supply: tuple[int, int] | None = None,
    ) -> None:
        """`rng` draws what is constant about this unit; the same state gives the same unit.

        `supply`: rows and columns of the images that noise is drawn for, no less than the unit's; None: the unit's.
        """
        depth = realsense.depth
        self.name, self.effects = depth.name, effects
        self.focal_baseline = float(depth.K[0, 0] * realsense.baseline_m)
        """Disparity times depth, pixels times metres."""
        self.offset_px = float(rng.normal(0, 1)) * effects.offset_px * effects.calibration
        self.min_depth_m = MODELS[realsense.model].min_depth_m if effects.near else 0.0
        self._size = size = (depth.height, depth.width)
        drawn = supply or size
        self._noise = shared_noise(*drawn, effects.noise_width_px, NOISE_SEED)
        self._edge = shared_noise(*drawn, EDGE_WIDTH_PX, EDGE_SEED)
        self._texture = shared_noise(*drawn, TEXTURE_WIDTH_PX, TEXTURE_SEED)

    def truth(self) -> dict[str, object]:
        """What is constant about this unit, fit for JSON."""
        return {"disparity_offset_px": self.offset_px, "min_depth_m": self.min_depth_m}

    def sense(
        self,
        z_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        amplitude_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        rng: np.random.Generator,
    ) -> UInt16[np.ndarray, "height width"]:
        """Depth in millimetres, 0 where it is missing.

        `z_fine` is depth of two by two samples a pixel, metres, inf (or NaN) where there is nothing; `amplitude_fine`
        the infrared echo of the same (reflectance times cosine over squared depth). Raises CaptureError on other sizes.
        """
        fine = (2 * self._size[0], 2 * self._size[1])
        if z_fine.shape != fine or amplitude_fine.shape != fine:
            raise CaptureError(
                f"'{self.name}' needs depth and amplitude of {fine[1]}x{fine[0]} samples, two by two a pixel; they are "
                f"{z_fine.shape} and {amplitude_fine.shape}"
            )
        effects = self.effects
        disparity, amplitude = np.empty(self._size, np.float32), np.empty(self._size, np.float32)
        _disparity(z_fine, amplitude_fine, self.focal_baseline, disparity, amplitude)
        hidden = np.zeros(self._size, np.bool_)
        if effects.occlusion:
            _occlude(disparity, hidden)
        rows, columns = self._size
        noise, edge, texture = (
            (drawn[:rows, :columns], sign)
            for drawn, sign in (supply.frame(rng) for supply in (self._noise, self._edge, self._texture))
        )
        if effects.fattening:
            grown = disparity.copy()
            mean, spread = effects.fattening_px, edge[1] * effects.fattening_spread_px
            _fatten(disparity, amplitude, edge[0], mean, spread, effects.edge_px, grown, hidden)
            disparity = grown
        out = np.empty(self._size, np.uint16)
        _measure(
            disparity,
            amplitude,
            hidden,
            noise[0],
            texture[0],
            self.focal_baseline,
            self.offset_px,
            noise[1] * (effects.noise_px if effects.noise else 0.0),
            effects.weak_amplitude if effects.low_texture else 0.0,
            effects.least_amplitude if effects.low_texture else 0.0,
            texture[1] * TEXTURE_SPREAD,
            float(effects.steps_per_px) if effects.quantisation else 0.0,
            self.min_depth_m,
            out,
        )
        return out


@nb.njit(cache=True, error_model="numpy")
def _disparity(z, echo, focal_baseline, disparity, amplitude):
    """One disparity a pixel: the mean of the samples of the surface that fills most of it; 0 where there is nothing."""
    for r in range(disparity.shape[0]):
        for c in range(disparity.shape[1]):
            low, high = np.inf, 0.0
            for s in range(4):
                d = focal_baseline / z[2 * r + s // 2, 2 * c + s % 2]
                d = d if d > 0 and d < np.inf else 0.0
                low, high = min(low, d), max(high, d)
            middle = 0.5 * (low + high)
            near, near_sum, far_sum, near_echo, far_echo = 0, 0.0, 0.0, 0.0, 0.0
            for s in range(4):
                rr, cc = 2 * r + s // 2, 2 * c + s % 2
                d = focal_baseline / z[rr, cc]
                d = d if d > 0 and d < np.inf else 0.0
                if d >= middle:
                    near, near_sum, near_echo = near + 1, near_sum + d, near_echo + echo[rr, cc]
                else:
                    far_sum, far_echo = far_sum + d, far_echo + echo[rr, cc]
            if high - low < 0.5:
                disparity[r, c], amplitude[r, c] = (near_sum + far_sum) / 4, (near_echo + far_echo) / 4
            elif near >= 2:
                disparity[r, c], amplitude[r, c] = near_sum / near, near_echo / near
            else:
                disparity[r, c], amplitude[r, c] = far_sum / (4 - near), far_echo / (4 - near)


@nb.njit(cache=True)
def _occlude(disparity, hidden):
    """Marks what the right imager does not see: outside its image, or behind something of the same row."""
    for r in range(disparity.shape[0]):
        leftmost = np.inf  # in the right image, of all that lies farther right in the left one
        for c in range(disparity.shape[1] - 1, -1, -1):
            place = c - disparity[r, c]
            hidden[r, c] = place < 0 or place > leftmost + PASSING_PX
            leftmost = min(leftmost, place)


@nb.njit(cache=True)
def _fatten(disparity, amplitude, ragged, mean, spread, step, grown, hidden):
    """Gives pixels behind an edge the disparity, echo and visibility of what is in front of it, a few pixels away."""
    rows, columns = disparity.shape
    reach = int(np.ceil(mean + 2 * abs(spread)))
    for r in range(rows):
        for c in range(columns):
            limit = disparity[r, c] + step
            # Most pixels have no edge near: four looks tell, as edges bound things that are wider than the reach.
            up, down = max(r - reach, 0), min(r + reach, rows - 1)
            left, right = max(c - reach, 0), min(c + reach, columns - 1)
            if (
                max(
                    max(disparity[up, c], disparity[down, c]),
                    max(disparity[r, left], disparity[r, right]),
                    max(disparity[r, max(c - 1, 0)], disparity[r, min(c + 1, columns - 1)]),
                )
                <= limit
            ):
                continue
            grow = mean + spread * ragged[r, c]
            if grow < 1:
                continue
            best, best2 = 0.0, grow * grow + 0.5
            whole = int(grow) + 1
            for rr in range(max(r - whole, 0), min(r + whole + 1, rows)):
                for cc in range(max(c - whole, 0), min(c + whole + 1, columns)):
                    away = (rr - r) * (rr - r) + (cc - c) * (cc - c)
                    if away < best2 and disparity[rr, cc] > limit and not hidden[rr, cc]:
                        best, best2 = disparity[rr, cc], away
            if best > 0:
                grown[r, c] = best
    for r in range(rows):
        for c in range(columns):
            if grown[r, c] != disparity[r, c]:
                hidden[r, c] = False


@nb.njit(cache=True, error_model="numpy")
def _measure(
    disparity, amplitude, hidden, noise, texture, focal_baseline, offset, noise_px, weak, least, spread, steps, nearest,
    out,
):  # fmt: skip
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[r, c] = 0
            d = disparity[r, c]
            if hidden[r, c] or d <= 0 or focal_baseline < nearest * d:
                continue
            echo = amplitude[r, c]
            if least > 0 and echo < least * np.exp(spread * texture[r, c]):
                continue
            sigma = noise_px * np.sqrt(1 + (weak / echo) ** 2) if weak > 0 else noise_px
            d += offset + sigma * noise[r, c]
            if steps > 0:
                d = np.rint(d * steps) / steps
            millimetres = 1000 * focal_baseline / d if d > 0 else np.inf
            if millimetres < 65535:
                out[r, c] = np.uint16(millimetres + 0.5)
