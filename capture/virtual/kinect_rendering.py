"""What one virtual Azure Kinect delivers of a moment: its colour frame and its depth frame, with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from capture.virtual.backdrop import Backdrop
from capture.virtual.color_sensor import ColorSensor
from capture.virtual.compositing import over_echo
from capture.virtual.config import SimulationConfig
from capture.virtual.drawable import Drawable
from capture.virtual.figure_color import draw_over
from capture.virtual.floor_light import darken_floor
from capture.virtual.moment import Moment
from capture.virtual.rig import VirtualDevice, depth_delay_us
from capture.virtual.shadows import FLOOR_M
from capture.virtual.tof.sensor import TofSensor

COLOR_UNIT_SEED, DEPTH_UNIT_SEED = 4, 1
PULSE_US = 160
"""Depth cameras that expose less than this apart light for each other (Azure Kinect documentation: several devices)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DepthFrame:
    """One depth image and what was really there."""

    depth_mm: UInt16[np.ndarray, "height width"]
    """As the device sends it; 0 is missing."""
    clean_m: Float32[np.ndarray, "height width"]
    """Exact depth of the surface at each pixel's centre, metres."""
    mask: UInt8[np.ndarray, "height width"]
    """Whose each pixel centre is: owner plus one, 0 the room's."""
    infrared: UInt16[np.ndarray, "height width"] | None = None
    """Active brightness; None where it is not recorded."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ColorFrame:
    """One colour image and whose its pixels are."""

    image: UInt8[np.ndarray, "height width 3"]
    """RGB as the device compresses it."""
    mask: UInt8[np.ndarray, "height width"]
    """Whose each pixel centre is: owner plus one, 0 the room's."""


class KinectRenderer:
    """One device of a take."""

    def __init__(self, config: SimulationConfig, device: VirtualDevice, index: int) -> None:
        """Draws the unit's own errors from the seed and its number on the ring."""
        self.device = device
        color, depth = config.color_effects_used, config.depth_effects_used
        self.color_sensor = ColorSensor(device.color, color, _rng(config, COLOR_UNIT_SEED, index))
        self.depth_sensor = TofSensor(device.depth, config.depth_mode, depth, _rng(config, DEPTH_UNIT_SEED, index))
        self._perfect, self._infrared = not config.noise, config.infrared
        self._disturbed = disturbed(config, index)

    def truth(self) -> dict[str, Any]:
        """The unit's own errors, fit for JSON."""
        return {
            "depth": {**self.depth_sensor.truth(), "disturbed": self._disturbed},
            "color": self.color_sensor.truth(),
        }

    def color_frame(
        self, backdrop: Backdrop, moment: Moment | None, rng: np.random.Generator, *, truth: bool = True
    ) -> ColorFrame:
        """The colour image before compression; without a figure that of the empty room.

        Without `truth` the mask is left empty, which saves a drawing.
        """
        picture = np.array(backdrop.srgb)
        mask = np.zeros(picture.shape[:2], np.uint8)
        if moment is not None:
            if moment.floor is not None:
                darken_floor(picture, backdrop.floor, moment.floor, FLOOR_M)
            rays = backdrop.color_rays
            picture = draw_over(
                picture, self.device.color, rays, self.color_sensor, moment, mask=mask if truth else None
            )
        return ColorFrame(image=self.color_sensor.sense(picture, rng), mask=mask)

    def depth_frame(
        self, backdrop: Backdrop, drawable: Drawable | None, rng: np.random.Generator, *, truth: bool = True
    ) -> DepthFrame:
        """The depth image; without a figure that of the empty room.

        Without noise it is the exact depth at pixel centres, to the millimetre, missing out of the mode's range.
        Without `truth`, clean depth and mask are the room's alone, which saves a drawing.
        """
        camera, rays = self.device.depth, backdrop.depth_rays
        clean, mask = np.array(backdrop.z), np.zeros(backdrop.z.shape, np.uint8)
        centers = None
        if drawable is not None and (truth or self._perfect):
            centers = drawable.centers(camera, rays)
        if drawable is not None and centers is not None:
            clean[centers.window] = np.fmin(clean[centers.window], centers.depth)
            mask = drawable.mask(centers, camera.height, camera.width)
        z, amplitude = backdrop.z_fine, backdrop.amplitude_fine
        if drawable is not None and (self._infrared or not self._perfect):
            echo = drawable.echo(camera, rays)
            z, amplitude = (z, amplitude) if echo is None else over_echo(echo, z, amplitude)
        if self._perfect:
            low, high = self.depth_sensor.mode.nearest_m, self.depth_sensor.mode.range_m[1]
            depth_mm = np.rint(1000 * np.where((clean >= low) & (clean <= high), clean, 0)).astype(np.uint16)
        else:
            depth_mm = self.depth_sensor.sense(z, amplitude, rng, self._disturbed)
        infrared = self.depth_sensor.brightness(amplitude, rng) if self._infrared else None
        return DepthFrame(depth_mm=depth_mm, clean_m=clean, mask=mask, infrared=infrared)


def disturbed(config: SimulationConfig, index: int) -> float:
    """Part of a depth camera's exposure that other cameras of the ring light into, 0 … 1."""
    own = depth_delay_us(config, index)
    others = [depth_delay_us(config, other) for other in range(config.cameras) if other != index]
    return min(1.0, sum((max(0.0, 1 - abs(own - other) / PULSE_US) for other in others), start=0.0))


def _rng(config: SimulationConfig, purpose: int, index: int) -> np.random.Generator:
    return np.random.default_rng([config.seed, purpose, index])
