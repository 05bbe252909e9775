"""Renders frames of phones and RealSense units; runs in worker processes beside the Kinects' renderer."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8, UInt16

from capture import depth_codec
from capture.virtual.baked_room import BakedRoom, pinhole_rays
from capture.virtual.drawable import Drawable, Studio
from capture.virtual.moment import Moment
from capture.virtual.motion_between import motion_between
from capture.virtual.other_color import color_frame
from capture.virtual.other_devices import OtherDevice, jobs
from capture.virtual.other_sensors import UnitSensors
from capture.virtual.room import Room
from geometry.camera import Camera

COLOR_SEED, DEPTH_SEED = 64, 66


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueImages:
    """What was really there in one camera at one exposure."""

    stream: str
    exposure: int
    mask: UInt8[np.ndarray, "height width"]
    """Number of the figure's owner at each pixel centre plus one, 0 where there is none."""
    depth_m: Float32[np.ndarray, "height width"] | None = None
    """Exact depth at pixel centres, metres; None for a colour camera."""


class OtherRenderer:
    """Renders any frame of the other devices. Cheap to make again in another process."""

    def __init__(
        self,
        devices: tuple[OtherDevice, ...],
        studio: Studio | None,
        vertices: Float[np.ndarray, "frames vertices 3"],
        *,
        rate_hz: float,
        folder: Path,
        effects: bool = True,
        seed: int = 0,
        keep_truth: Callable[[TrueImages], None] | None = None,
    ) -> None:
        """`vertices` of the figure at each instant; `folder` is where `prepare` puts the room for all processes.

        Without `effects` sensors are perfect but for the JPEG.
        """
        self.devices, self.jobs = devices, jobs(devices)
        self._studio, self._vertices, self._rate_hz = studio, vertices, rate_hz
        self._folder, self._seed, self._keep = folder, seed, keep_truth
        self._room: BakedRoom | None = None
        self._still: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._units = {device.name: UnitSensors.of(device, effects=effects, seed=seed) for device in devices}

    def prepare(self, room: Room) -> None:
        """Bakes the room and stores it for all processes."""
        BakedRoom.of(room).save(self._folder)

    def frame(self, number: int) -> dict[str, bytes]:
        """Encoded frames of job `number`, by stream; those that are lost are left out."""
        place, exposure = self.jobs[number]
        device, moment = self.devices[place], None
        if self._studio is not None:
            motion = motion_between(self._vertices, float(device.exposed_us[exposure]), self._rate_hz)
            moment = Moment(drawable=Drawable.of(self._studio, motion.vertices), velocity=motion.velocity)
        payloads: dict[str, bytes] = {}
        if device.delivers(f"{device.name}/color", exposure):
            payloads[f"{device.name}/color"] = self._color(device, exposure, moment)
        if device.delivers(f"{device.name}/depth", exposure):
            depth_mm, confidence = self._depth(device, exposure, moment)
            payloads[f"{device.name}/depth"] = depth_codec.encode(depth_mm)
            message = device.message(exposure, confidence)
            if message is not None:
                payloads[f"{device.name}/imu"] = message.encode()
        return payloads

    def _color(self, device: OtherDevice, exposure: int, moment: Moment | None) -> bytes:
        camera, sensor = device.color_camera(exposure), self._units[device.name].color
        rng = self._rng(COLOR_SEED, device, exposure)
        image, mask = color_frame(self._baked(), camera, sensor, moment, device.motion(exposure), rng)
        if self._keep is not None:
            self._keep(TrueImages(stream=camera.name, exposure=exposure, mask=mask))
        return sensor.encode(image)

    def _depth(
        self, device: OtherDevice, exposure: int, moment: Moment | None
    ) -> tuple[UInt16[np.ndarray, "h w"], UInt8[np.ndarray, "h w"]]:
        camera = device.depth_camera(exposure)
        depth, amplitude, clean = self._room_echo(device, camera)
        mask = np.zeros(clean.shape, np.uint8)
        if moment is not None:
            rays, drawable = pinhole_rays(camera), moment.drawable
            centers, echo = drawable.centers(camera, rays), drawable.echo(camera, rays)
            mask = drawable.mask(centers, camera.height, camera.width)
            if centers is not None:
                clean[centers.window] = np.minimum(clean[centers.window], centers.depth)
            if echo is not None:
                window = tuple(slice(2 * part.start, 2 * part.stop) for part in echo.window)
                front = echo.depth < depth[window]
                depth[window] = np.where(front, echo.depth, depth[window])
                amplitude[window] = np.where(front, echo.amplitude, amplitude[window])
        if self._keep is not None:
            self._keep(TrueImages(stream=camera.name, exposure=exposure, mask=mask, depth_m=clean))
        rng = self._rng(DEPTH_SEED, device, exposure)
        return self._units[device.name].sense_depth(clean, depth, amplitude, rng)

    def _room_echo(self, device: OtherDevice, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Depth and amplitude of four rays a pixel, and depth at the centres; arrays that may be written to."""
        if device.name in self._still:
            depth, amplitude, clean = self._still[device.name]
        else:
            depth, amplitude = self._baked().echo(camera)
            clean = self._baked().echo(camera, 1)[0]
            if not device.moving:
                self._still[device.name] = depth, amplitude, clean
        return depth.copy(), amplitude.copy(), clean.copy()

    def _rng(self, kind: int, device: OtherDevice, exposure: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, kind, zlib.crc32(device.name.encode()), exposure])

    def _baked(self) -> BakedRoom:
        if self._room is None:
            self._room = BakedRoom.load(self._folder)
        return self._room
