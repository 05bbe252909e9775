"""Depth and confidence of an iPhone's LiDAR scanner, as ARKit's scene depth gives them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from capture.errors import CaptureError
from capture.virtual.iphone import DEPTH_SIZE
from capture.virtual.lidar_effects import LidarEffects
from capture.virtual.smooth_noise import shared_noise

LOW, MEDIUM, HIGH = 0, 1, 2
FARTHEST_M = 20.0
"""What is farther, or nothing at all, is reported to be here: the depth image has no holes. Assumed."""
NOISE_SEED, BORDER_SEED = 64, 65
BORDER_WIDTH_PX = 6.0
"""Over how many pixels along the border its width is alike; most of its change is from frame to frame. Assumed."""
BORDER_SHARE = 0.8
"""Part of the border's variance that a whole frame shares. Assumed."""


class LidarFrame(NamedTuple):
    """One depth image of a phone."""

    depth_mm: UInt16[np.ndarray, "192 256"]
    """Along the optical axis; nowhere missing."""
    confidence: UInt8[np.ndarray, "192 256"]
    """0 low, 1 medium, 2 high."""


class LidarDepth:
    """One phone: its own scale. Cheap to make again in another process."""

    def __init__(self, effects: LidarEffects, rng: np.random.Generator) -> None:
        """`rng` draws what is constant about this phone; the same state gives the same phone."""
        self.effects = effects
        self.scale = 1 + float(rng.normal(0, 1)) * effects.scale_spread * effects.scale
        width, height = DEPTH_SIZE
        self._noise = shared_noise(height, width, effects.noise_width_px, NOISE_SEED)
        self._left = shared_noise(height, 1, BORDER_WIDTH_PX, BORDER_SEED)
        self._top = shared_noise(1, width, BORDER_WIDTH_PX, BORDER_SEED + 1)

    def truth(self) -> dict[str, object]:
        """What is constant about this phone, fit for JSON."""
        return {"scale": self.scale}

    def sense(
        self,
        z_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        amplitude_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        rng: np.random.Generator,
    ) -> LidarFrame:
        """Depth and confidence.

        Both arrays are 384x512, two by two samples a pixel: `z_fine` is depth in metres, inf (or NaN) where there is
        nothing, `amplitude_fine` the infrared echo (reflectance times cosine over squared depth). Raises CaptureError
        on other sizes.
        """
        width, height = DEPTH_SIZE
        if z_fine.shape != (2 * height, 2 * width) or amplitude_fine.shape != z_fine.shape:
            raise CaptureError(
                f"the phone needs depth and amplitude of {2 * width}x{2 * height} samples, two by two a pixel, not "
                f"{z_fine.shape} and {amplitude_fine.shape}; draw them for its depth camera"
            )
        effects = self.effects
        fine = np.minimum(np.nan_to_num(z_fine, nan=FARTHEST_M, posinf=FARTHEST_M), np.float32(FARTHEST_M))
        true = _of_pixels(fine)
        depth = true
        if effects.smoothing and effects.smoothing_px > 0:
            depth = cv2.GaussianBlur(true, (0, 0), effects.smoothing_px, borderType=cv2.BORDER_REPLICATE)
        confidence = np.full(depth.shape, HIGH, np.uint8)
        self._doubt(confidence, true, depth, cv2.resize(amplitude_fine, DEPTH_SIZE, interpolation=cv2.INTER_AREA), rng)
        factor = self.scale
        if effects.noise:
            factor = factor + effects.frame_noise * rng.normal(0, 1)
            noise, sign = self._noise.frame(rng)
            factor = factor + sign * effects.noise_level * noise
        millimetres = np.rint(1000 * depth * factor)
        return LidarFrame(depth_mm=np.clip(millimetres, 1, 65535).astype(np.uint16), confidence=confidence)

    def _doubt(
        self,
        confidence: np.ndarray,
        true: np.ndarray,
        depth: np.ndarray,
        amplitude: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        """Lowers the confidence of the pixels that the phone is less sure of."""
        effects = self.effects
        if effects.edges:
            change = _relative_change(depth)
            confidence[change > effects.edge_gradient[0]] = MEDIUM
            confidence[change > effects.edge_gradient[1]] = LOW
        if effects.weak:
            np.minimum(confidence, MEDIUM, out=confidence, where=amplitude < effects.weak_amplitude[0])
            np.minimum(confidence, LOW, out=confidence, where=amplitude < effects.weak_amplitude[1])
        if effects.border:
            for axis, supply in enumerate((self._left, self._top)):
                along, sign = supply.frame(rng)
                waver = np.sqrt(BORDER_SHARE) * rng.normal(0, 1) + np.sqrt(1 - BORDER_SHARE) * sign * along
                edge = effects.border_px[axis] + effects.border_spread_px * waver
                place = np.arange(depth.shape[1])[None] if axis == 0 else np.arange(depth.shape[0])[:, None]
                np.minimum(confidence, MEDIUM, out=confidence, where=place < edge)
                np.minimum(confidence, LOW, out=confidence, where=place < edge - effects.border_medium_px[axis])
        if effects.range:
            nearest, farthest = effects.range_m
            np.minimum(confidence, LOW, out=confidence, where=(true < nearest) | (true > farthest))


def _of_pixels(fine: Float32[np.ndarray, "fine_rows fine_columns"]) -> Float32[np.ndarray, "rows columns"]:
    """Mean depth of each pixel's four samples."""
    return 0.25 * (fine[::2, ::2] + fine[::2, 1::2] + fine[1::2, ::2] + fine[1::2, 1::2])


def _relative_change(depth: Float32[np.ndarray, "rows columns"]) -> Float32[np.ndarray, "rows columns"]:
    """Largest change of depth to a neighbour in the row or the column, over depth."""
    change = np.zeros_like(depth)
    across, down = np.abs(np.diff(depth, axis=1)), np.abs(np.diff(depth, axis=0))
    for part, steps in ((change[:, :-1], across), (change[:, 1:], across), (change[:-1], down), (change[1:], down)):
        np.maximum(part, steps, out=part)
    return change / depth
