"""One unit of a colour camera: what it makes of a composed picture (numba)."""

from __future__ import annotations

from functools import cache

import cv2
import numba as nb
import numpy as np
import simplejpeg
from jaxtyping import Float, Float32, Integer, Real, UInt8

from capture.errors import CaptureError
from capture.virtual.color_effects import ColorEffects
from capture.virtual.image_motion import ImageMotion, image_motion
from capture.virtual.light import linear_from_srgb, srgb_from_linear
from capture.virtual.motion_blur import blur
from capture.virtual.shading import Shaded
from geometry.camera import Camera
from geometry.face_raster.face_image import FaceImage

TILE, BLOCK = 512, 128
"""Noise is drawn once, TILE pixels square; each BLOCK of a picture takes it from a place and with a sign of its own."""
NOISE_SEED = 60


class ColorSensor:
    """One unit: its own brightness, balance and noise. Cheap to make again in another process."""

    def __init__(self, camera: Camera, effects: ColorEffects, rng: np.random.Generator) -> None:
        """`rng` draws what is constant about this unit; the same state gives the same unit."""
        self.camera, self.effects = camera, effects
        stops, balance = rng.normal(0, 1), rng.normal(0, 1, 3)
        exposure = 2 ** (effects.exposure_error_stops * stops) if effects.exposure else 1.0
        channels = 1 + effects.white_balance_spread * balance if effects.white_balance else np.ones(3)
        self.gain: Float[np.ndarray, "3"] = exposure * channels
        """What this unit makes of linear red, green and blue."""
        self._value, self._sigma = _tables(self.gain, effects)
        self._tile = _noise_tile(effects.noise_width_px) if effects.noise else None

    def truth(self) -> dict[str, object]:
        """What is constant about this unit, fit for JSON."""
        return {
            "gain": [float(part) for part in self.gain],
            "exposure_s": self.effects.blur_s,
            "readout_s": self.effects.row_s,
        }

    def sense(self, image: UInt8[np.ndarray, "height width 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
        """A composed sRGB picture as this unit delivers it before compression; raises CaptureError on another size."""
        camera = self.camera
        if image.shape != (camera.height, camera.width, 3) or image.dtype != np.uint8:
            raise CaptureError(
                f"camera '{camera.name}' is {camera.width}x{camera.height}, but the picture is {image.dtype} "
                f"{image.shape}; compose 8-bit RGB of the camera's size"
            )
        image = np.ascontiguousarray(image)
        if self._tile is None:
            return cv2.LUT(image, np.rint(self._value).astype(np.uint8).reshape(256, 1, 3))
        out = np.empty_like(image)
        blocks = -(-image.shape[0] // BLOCK), -(-image.shape[1] // BLOCK)
        places = rng.integers(0, TILE - BLOCK, (*blocks, 2)).astype(np.int32)
        signs = (1 - 2 * rng.integers(0, 2, blocks)).astype(np.float32)
        _add_noise(image, self._value, self._sigma, self._tile, places, signs, out)
        return out

    def motion(
        self,
        vertices: Real[np.ndarray, "vertices 3"],
        velocity: Real[np.ndarray, "vertices 3"],
        camera: Camera | None = None,
    ) -> ImageMotion:
        """How vertices (world) with these velocities (m/s) move in the picture; `camera` is where a moving one is."""
        return image_motion(camera or self.camera, vertices, velocity)

    def vertex_offset_px(
        self, camera: Camera, vertices: Real[np.ndarray, "vertices 3"], velocity: Real[np.ndarray, "vertices 3"]
    ) -> Float32[np.ndarray, "vertices 2"] | None:
        """Where the rolling shutter draws each vertex, from where it is at the picture's moment, for the rasterizer's
        and shading's `vertex_offset_px`; None when nothing is displaced."""
        return self.offset_px(self.motion(vertices, velocity, camera))

    def offset_px(self, motion: ImageMotion) -> Float32[np.ndarray, "vertices 2"] | None:
        """The same from a motion that is known."""
        if not self.effects.row_s or motion.fastest_px_s == 0:
            return None
        return motion.offset_px(self.camera.height, self.effects.row_s)

    def blur(
        self, shaded: Shaded, image: FaceImage, faces: Integer[np.ndarray, "faces 3"], motion: ImageMotion
    ) -> Shaded:
        """The figure's light averaged over the exposure; `image` is what `shaded` was drawn from. See motion_blur."""
        if not self.effects.blur_s:
            return shaded
        return blur(shaded, image, faces, motion, self.effects.blur_s, self.camera.height, self.camera.width)

    def encode(self, image: UInt8[np.ndarray, "height width 3"]) -> bytes:
        """JPEG of a picture, as the camera compresses it."""
        effects = self.effects
        quality, subsampling = (effects.jpeg_quality, effects.jpeg_subsampling) if effects.jpeg else (100, "444")
        return simplejpeg.encode_jpeg(image, quality=quality, colorspace="RGB", colorsubsampling=subsampling)


def _tables(
    gain: Float[np.ndarray, "3"], effects: ColorEffects
) -> tuple[Float32[np.ndarray, "256 3"], Float32[np.ndarray, "256 3"]]:
    """Mean and standard deviation, in grey levels, of what the unit makes of each sRGB value in each channel."""
    light = linear_from_srgb(np.arange(256))[:, None] * gain
    value = srgb_from_linear(light)
    if not effects.noise:
        return value.astype(np.float32), np.zeros((256, 3), np.float32)
    sigma = np.sqrt(effects.read_noise**2 + np.clip(light, 0, 1) / effects.full_scale_electrons)
    # The curve's slope over one standard deviation: near black it bends within the noise.
    slope = (srgb_from_linear(light + sigma) - srgb_from_linear(light - sigma)) / (
        np.clip(light + sigma, 0, 1) - np.clip(light - sigma, 0, 1)
    ).clip(1e-9)
    return value.astype(np.float32), (sigma * slope).astype(np.float32)


@cache
def _noise_tile(width_px: float) -> Float32[np.ndarray, "TILE TILE 3"]:
    """Noise of unit variance whose neighbours are alike; the same for all units, which start at places of their own."""
    tile = np.random.default_rng(NOISE_SEED).standard_normal((TILE, TILE, 3), np.float32)
    if width_px > 0:
        tile = cv2.GaussianBlur(tile, (0, 0), width_px, borderType=cv2.BORDER_REFLECT)
    return np.ascontiguousarray(tile / tile.std())


@nb.njit(cache=True, fastmath=True)
def _add_noise(image, value, sigma, tile, places, signs, out):
    rows, columns = image.shape[:2]
    for r in range(rows):
        for block in range(places.shape[1]):
            row = places[r // BLOCK, block, 0] + r % BLOCK
            start, sign = places[r // BLOCK, block, 1] - block * BLOCK, signs[r // BLOCK, block]
            for c in range(block * BLOCK, min((block + 1) * BLOCK, columns)):
                for k in range(3):
                    v = image[r, c, k]
                    noisy = value[v, k] + sign * sigma[v, k] * tile[row, start + c, k] + np.float32(0.5)
                    out[r, c, k] = np.uint8(min(max(noisy, np.float32(0)), np.float32(255)))
