"""Renders instants of a take; runs in worker processes, which share the room's images through files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from jaxtyping import Float

from capture import depth_codec
from capture.virtual.backdrop import Backdrop, trace_backdrop
from capture.virtual.colour import render_color, shadow_map
from capture.virtual.config import SimulationConfig
from capture.virtual.depth import render_depth
from capture.virtual.drawable import Centers, Drawable, Studio
from capture.virtual.figure import Figure, motion_at
from capture.virtual.other_devices import devices_of_take
from capture.virtual.other_rendering import OtherRenderer, TrueImages
from capture.virtual.rig import VirtualDevice, build_rig, depth_delay_us
from capture.virtual.room import draw_room
from geometry.camera import Camera

ROOM_SEED, COLOR_SEED, DEPTH_SEED = 10, 11, 12
TRUTH_UNITS_PER_M = 10000
"""Clean depth is stored in tenths of a millimetre; 0 where it is beyond 6.5535 m."""


@dataclass(frozen=True, kw_only=True)
class Payload:
    """One encoded frame."""

    stream: str
    data: bytes


class Renderer:
    """Renders any instant of one take. Cheap to make again in another process: the large arrays are in files."""

    def __init__(self, config: SimulationConfig, figure: Figure | None, folder: Path) -> None:
        """`folder` is the unfinished session; `store_vertices` must have been called for it."""
        self.config, self.folder = config, folder
        self.rig: tuple[VirtualDevice, ...] = build_rig(config)
        self._studio = None if figure is None else Studio.of(figure)
        self._vertices = np.load(_work(folder) / "vertices.npy", mmap_mode="r")
        self._backdrops: dict[str, Backdrop] = {}
        self._others = OtherRenderer(
            devices_of_take(config, len(self._vertices)),
            self._studio,
            self._vertices,
            rate_hz=config.rate_hz,
            folder=_work(folder) / "room",
            effects=config.noise,
            seed=config.seed,
            keep_truth=self._keep,
        )

    def prepare(self, device: int) -> None:
        """Traces the empty room for one device and stores it for all processes."""
        room = draw_room(np.random.default_rng([self.config.seed, ROOM_SEED]))
        trace_backdrop(self.rig[device], room).save(self._backdrop_folder(self.rig[device].name))

    def prepare_others(self, number: int) -> None:
        """Bakes the empty room for phones and RealSense units, for all processes."""
        self._others.prepare(draw_room(np.random.default_rng([self.config.seed, ROOM_SEED])))

    def other(self, number: int) -> dict[str, bytes]:
        """Job `number` of the phones and RealSense units: encoded frames by stream; writes their images into truth/."""
        return self._others.frame(number)

    def empty(self, number: int) -> list[Payload]:
        """Frame `number` of the empty room, from all devices."""
        every = range(len(self.rig))
        return [p for i in every for p in (self._color(i, None, None, -1 - number), self._depth(i, None, -1 - number))]

    def instant(self, number: int) -> list[Payload]:
        """Frame `number` of the take, from all devices; writes clean depth and masks into truth/."""
        if self._studio is None:
            return [p for i in range(len(self.rig)) for p in self._bare(i, number)]
        motion = motion_at(self._vertices, number, self.config.rate_hz)
        now = Drawable.of(self._studio, motion.vertices)
        shadow = shadow_map(now)
        moves = bool(motion.velocity.any())
        payloads = []
        for index, device in enumerate(self.rig):
            later, delay_us = now, depth_delay_us(self.config, index)
            if moves and delay_us:
                later = Drawable.of(self._studio, motion.at(1e-6 * delay_us))
            payloads += self._color(index, now, shadow, number), self._depth(index, later, number)
            self._write_mask(
                device.color, now, now.centers(device.color, self._backdrop(device.name).color_rays), number
            )
        return payloads

    def _bare(self, index: int, number: int) -> list[Payload]:
        device = self.rig[index]
        for camera in (device.color, device.depth):
            write_png(self._truth("masks", camera, number), np.zeros((camera.height, camera.width), np.uint8))
        write_clean_depth(self._truth("depth", device.depth, number), self._backdrop(device.name).z)
        return [self._color(index, None, None, number), self._depth(index, None, number)]

    def _color(self, index: int, drawable: Drawable | None, shadow: np.ndarray | None, number: int) -> Payload:
        device = self.rig[index]
        image = render_color(
            device, self._backdrop(device.name), drawable, shadow, self._rng(COLOR_SEED, index, number)
        )
        quality = self.config.jpeg_quality
        jpeg = simplejpeg.encode_jpeg(image, quality=quality, colorspace="RGB", colorsubsampling="422")
        return Payload(stream=device.color.name, data=jpeg)

    def _depth(self, index: int, drawable: Drawable | None, number: int) -> Payload:
        device = self.rig[index]
        image = render_depth(device, self._backdrop(device.name), drawable, self._rng(DEPTH_SEED, index, number))
        if drawable is not None:
            write_clean_depth(self._truth("depth", device.depth, number), image.clean_m)
            self._write_mask(device.depth, drawable, image.centers, number)
        return Payload(stream=device.depth.name, data=depth_codec.encode(image.depth_mm))

    def _write_mask(self, camera: Camera, drawable: Drawable, centers: Centers | None, number: int) -> None:
        write_png(self._truth("masks", camera, number), drawable.mask(centers, camera.height, camera.width))

    def _keep(self, images: TrueImages) -> None:
        write_png(self._true_image("masks", images.stream, images.exposure), images.mask)
        if images.depth_m is not None:
            write_clean_depth(self._true_image("depth", images.stream, images.exposure), images.depth_m)

    def _truth(self, kind: str, camera: Camera, number: int) -> Path:
        return self._true_image(kind, camera.name, number)

    def _true_image(self, kind: str, stream: str, number: int) -> Path:
        return self.folder / "truth" / kind / stream / f"{number:06d}.png"

    def _rng(self, kind: int, device: int, number: int) -> np.random.Generator | None:
        return np.random.default_rng([self.config.seed, kind, device, number + 1000]) if self.config.noise else None

    def _backdrop(self, device: str) -> Backdrop:
        if device not in self._backdrops:
            self._backdrops[device] = Backdrop.load(self._backdrop_folder(device))
        return self._backdrops[device]

    def _backdrop_folder(self, device: str) -> Path:
        return _work(self.folder) / device


def store_vertices(folder: Path, vertices: Float[np.ndarray, "frames vertices 3"]) -> None:
    """Puts the figure's vertices where the renderers of all processes find them."""
    _work(folder).mkdir(parents=True)
    np.save(_work(folder) / "vertices.npy", vertices)


def remove_work(folder: Path) -> None:
    """Deletes what the renderers shared."""
    shutil.rmtree(_work(folder))


def drop_truth_from(folder: Path, instant: int) -> None:
    """Deletes the images of an instant and of all later ones."""
    for path in (folder / "truth").glob("*/*/*/*.png"):
        if int(path.stem) >= instant:
            path.unlink()


def _work(folder: Path) -> Path:
    return folder / ".work"


def write_clean_depth(path: Path, depth_m: Float[np.ndarray, "height width"]) -> None:
    """Writes depth as uint16 tenths of a millimetre, 0 where it is missing or beyond 6.5535 m."""
    units = np.rint(np.nan_to_num(depth_m) * TRUTH_UNITS_PER_M)
    image = np.where(units <= 65535, units, 0).astype(np.uint16)
    write_png(path, image)


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes a grey image with little compression; raises OSError when it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())
