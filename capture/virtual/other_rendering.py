"""Renders frames of phones and RealSense units; runs in worker processes beside the Kinects' renderer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
from jaxtyping import Float, Float32, UInt8, UInt16

from capture import depth_codec
from capture.virtual.baked_room import BakedRoom, pinhole_rays
from capture.virtual.colour import SHADOW_M, shadow_map
from capture.virtual.compositing import over_srgb
from capture.virtual.drawable import Centers, Drawable, Studio
from capture.virtual.motion_between import vertices_at
from capture.virtual.other_devices import OtherDevice, jobs
from capture.virtual.room import Room
from geometry.camera import Camera

HIGH_CONFIDENCE = 2


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
        jpeg_quality: int = 92,
        keep_truth: Callable[[TrueImages], None] | None = None,
    ) -> None:
        """`vertices` of the figure at each instant; `folder` is where `prepare` puts the room for all processes."""
        self.devices, self.jobs = devices, jobs(devices)
        self._studio, self._vertices, self._rate_hz = studio, vertices, rate_hz
        self._folder, self._quality, self._keep = folder, jpeg_quality, keep_truth
        self._room: BakedRoom | None = None
        self._still: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def prepare(self, room: Room) -> None:
        """Bakes the room and stores it for all processes."""
        BakedRoom.of(room).save(self._folder)

    def frame(self, number: int) -> dict[str, bytes]:
        """Encoded frames of job `number`, by stream; those that are lost are left out."""
        place, exposure = self.jobs[number]
        device = self.devices[place]
        drawable = None
        if self._studio is not None:
            vertices = vertices_at(self._vertices, float(device.exposed_us[exposure]), self._rate_hz)
            drawable = Drawable.of(self._studio, vertices)
        depth_mm, confidence = self._depth(device, exposure, drawable)
        payloads: dict[str, bytes] = {}
        if device.delivers(f"{device.name}/color", exposure):
            image = self._color(device, exposure, drawable)
            payloads[f"{device.name}/color"] = simplejpeg.encode_jpeg(
                image, quality=self._quality, colorspace="RGB", colorsubsampling="420"
            )
        if device.delivers(f"{device.name}/depth", exposure):
            payloads[f"{device.name}/depth"] = depth_codec.encode(depth_mm)
        message = device.message(exposure, confidence)
        if message is not None:
            payloads[f"{device.name}/imu"] = message.encode()
        return payloads

    def _color(self, device: OtherDevice, exposure: int, drawable: Drawable | None) -> UInt8[np.ndarray, "h w 3"]:
        camera = device.color_camera(exposure)
        shadow = None if drawable is None else shadow_map(drawable).astype(np.float32)
        picture = self._baked().color(camera, shadow, SHADOW_M)
        centers = None
        if drawable is not None:
            rays = pinhole_rays(camera)
            shaded = drawable.shaded(camera, rays)
            picture = picture if shaded is None else over_srgb(shaded, picture)
            centers = drawable.centers(camera, rays)
        self._write_truth(camera, exposure, drawable, centers, None)
        return picture

    def _depth(
        self, device: OtherDevice, exposure: int, drawable: Drawable | None
    ) -> tuple[UInt16[np.ndarray, "h w"], UInt8[np.ndarray, "h w"]]:
        camera = device.depth_camera(exposure)
        depth, amplitude, clean = self._room_echo(device, camera)
        centers = None
        if drawable is not None:
            rays = pinhole_rays(camera)
            centers, echo = drawable.centers(camera, rays), drawable.echo(camera, rays)
            if centers is not None:
                clean[centers.window] = np.minimum(clean[centers.window], centers.depth)
            if echo is not None:
                window = tuple(slice(2 * part.start, 2 * part.stop) for part in echo.window)
                front = echo.depth < depth[window]
                depth[window] = np.where(front, echo.depth, depth[window])
                amplitude[window] = np.where(front, echo.amplitude, amplitude[window])
        self._write_truth(camera, exposure, drawable, centers, clean)
        return np.rint(1000 * clean).astype(np.uint16), np.full(clean.shape, HIGH_CONFIDENCE, np.uint8)

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

    def _write_truth(
        self,
        camera: Camera,
        exposure: int,
        drawable: Drawable | None,
        centers: Centers | None,
        depth_m: Float32[np.ndarray, "h w"] | None,
    ) -> None:
        if self._keep is None:
            return
        size = (camera.height, camera.width)
        mask = np.zeros(size, np.uint8) if drawable is None else drawable.mask(centers, *size)
        self._keep(TrueImages(stream=camera.name, exposure=exposure, mask=mask, depth_m=depth_m))

    def _baked(self) -> BakedRoom:
        if self._room is None:
            self._room = BakedRoom.load(self._folder)
        return self._room
