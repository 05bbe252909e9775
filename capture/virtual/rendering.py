"""Renders instants of a take; runs in worker processes, which share the room's images through files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from capture import depth_codec
from capture.virtual.backdrop import Backdrop, trace_backdrop
from capture.virtual.config import SimulationConfig
from capture.virtual.drawable import Drawable, Studio
from capture.virtual.figure import Figure, motion_at
from capture.virtual.kinect_rendering import KinectRenderer
from capture.virtual.moment import Moment
from capture.virtual.other_devices import devices_of_take
from capture.virtual.other_rendering import OtherRenderer, TrueImages
from capture.virtual.rig import VirtualDevice, build_rig, depth_delay_us
from capture.virtual.room import draw_room

ROOM_SEED, COLOR_SEED, DEPTH_SEED = 10, 11, 12
TRUTH_UNITS_PER_M = 10000
"""Clean depth is stored in tenths of a millimetre; 0 where it is beyond 6.5535 m."""


Standing = tuple[Figure, Float[np.ndarray, "vertices 3"]] | None
"""What stands in the room before the people come: a figure and its vertices."""


@dataclass(frozen=True, kw_only=True)
class Payload:
    """One encoded frame."""

    stream: str
    data: bytes


class Renderer:
    """Renders any instant of one take. Cheap to make again in another process: the large arrays are in files."""

    def __init__(self, config: SimulationConfig, figure: Figure | None, standing: Standing, folder: Path) -> None:
        """`folder` is the unfinished session; `store_vertices` must have been called for it."""
        self.config, self.folder, self._standing = config, folder, standing
        self.rig: tuple[VirtualDevice, ...] = build_rig(config)
        self._vertices = np.load(_work(folder) / "vertices.npy", mmap_mode="r")
        self._studio = None if figure is None else Studio.of(figure, self._vertices[0])
        self._backdrops: dict[int, Backdrop] = {}
        self._kinects = [KinectRenderer(config, device, index) for index, device in enumerate(self.rig)]
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
        trace_backdrop(self.rig[device], room).save(self._backdrop_folder(device))

    def prepare_others(self, number: int) -> None:
        """Bakes the empty room for phones and RealSense units, for all processes."""
        self._others.prepare(draw_room(np.random.default_rng([self.config.seed, ROOM_SEED])))

    def other(self, number: int) -> dict[str, bytes]:
        """Job `number` of the phones and RealSense units: encoded frames by stream; writes their images into truth/."""
        return self._others.frame(number)

    def empty(self, number: int) -> list[Payload]:
        """Frame `number` of the room before the people come, from all devices."""
        there = self._before
        drawable = None if there is None else there.drawable
        return [p for i in range(len(self.rig)) for p in self._frames(i, there, drawable, -1 - number)]

    @cached_property
    def _before(self) -> Moment | None:
        if self._standing is None:
            return None
        figure, vertices = self._standing
        return Moment(
            drawable=Drawable.of(Studio.of(figure, vertices), vertices), velocity=np.zeros_like(vertices, np.float32)
        )

    def instant(self, number: int) -> list[Payload]:
        """Frame `number` of the take, from all devices; writes clean depth and masks into truth/."""
        if self._studio is None:
            return [p for i in range(len(self.rig)) for p in self._frames(i, None, None, number)]
        motion = motion_at(self._vertices, number, self.config.rate_hz)
        now = Moment(drawable=Drawable.of(self._studio, motion.vertices), velocity=motion.velocity)
        moves = bool(motion.velocity.any())
        payloads = []
        for index in range(len(self.rig)):
            later, delay_us = now.drawable, depth_delay_us(self.config, index)
            if moves and delay_us:
                later = Drawable.of(self._studio, motion.at(1e-6 * delay_us))
            payloads += self._frames(index, now, later, number)
        return payloads

    def _frames(self, index: int, now: Moment | None, later: Drawable | None, number: int) -> list[Payload]:
        """Both frames of a device; a negative number is of the background, without truth."""
        device, kinect, backdrop = self.rig[index], self._kinects[index], self._backdrop(index)
        color = kinect.color_frame(backdrop, now, self._rng(COLOR_SEED, index, number))
        depth = kinect.depth_frame(backdrop, later, self._rng(DEPTH_SEED, index, number))
        if number >= 0:
            write_png(self._true_image("masks", device.color.name, number), color.mask)
            write_png(self._true_image("masks", device.depth.name, number), depth.mask)
            write_clean_depth(self._true_image("depth", device.depth.name, number), depth.clean_m)
        payloads = [
            Payload(stream=device.color.name, data=kinect.color_sensor.encode(color.image)),
            Payload(stream=device.depth.name, data=depth_codec.encode(depth.depth_mm)),
        ]
        if depth.infrared is not None:
            payloads.append(Payload(stream=f"{device.name}/ir", data=depth_codec.encode(depth.infrared)))
        return payloads

    def _keep(self, images: TrueImages) -> None:
        write_png(self._true_image("masks", images.stream, images.exposure), images.mask)
        if images.depth_m is not None:
            write_clean_depth(self._true_image("depth", images.stream, images.exposure), images.depth_m)

    def _true_image(self, kind: str, stream: str, number: int) -> Path:
        return self.folder / "truth" / kind / stream / f"{number:06d}.png"

    def _rng(self, kind: int, device: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, kind, device, number + 1000])

    def _backdrop(self, index: int) -> Backdrop:
        if index not in self._backdrops:
            self._backdrops[index] = Backdrop.load(self._backdrop_folder(index))
        return self._backdrops[index]

    def _backdrop_folder(self, index: int) -> Path:
        return _work(self.folder) / self.rig[index].name


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
