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
from capture.virtual.figure import Figure, motion_at
from capture.virtual.person import Person, linear_texture
from capture.virtual.rig import VirtualDevice, build_rig, depth_delay_us
from capture.virtual.room import draw_room

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

    def __init__(self, config: SimulationConfig, figure: Figure, folder: Path) -> None:
        """`folder` is the unfinished session; `store_vertices` must have been called for it."""
        self.config, self.figure, self.folder = config, figure, folder
        self.rig: tuple[VirtualDevice, ...] = build_rig(config)
        self._texture = linear_texture(figure)
        self._vertices = np.load(_work(folder) / "vertices.npy", mmap_mode="r")
        self._backdrops: dict[str, Backdrop] = {}

    def prepare(self, device: int) -> None:
        """Traces the empty room for one device and stores it for all processes."""
        room = draw_room(np.random.default_rng([self.config.seed, ROOM_SEED]))
        trace_backdrop(self.rig[device], room).save(self._backdrop_folder(self.rig[device].name))

    def empty(self, number: int) -> list[Payload]:
        """Frame `number` of the empty room, from all devices."""
        return [
            payload
            for index in range(len(self.rig))
            for payload, _ in self._expose(index, None, None, None, -1 - number)
        ]

    def instant(self, number: int) -> list[Payload]:
        """Frame `number` of the take, from all devices; writes the clean depth images into truth/."""
        motion = motion_at(self._vertices, number, self.config.rate_hz)
        person = Person.drawn(self.figure, motion.vertices, self._texture)
        shadow = shadow_map(person)
        moves = bool(motion.velocity.any())
        payloads = []
        for index in range(len(self.rig)):
            later = person
            if moves and (delay_us := depth_delay_us(self.config, index)):
                later = Person.drawn(self.figure, motion.at(1e-6 * delay_us), self._texture)
            for payload, clean_m in self._expose(index, person, later, shadow, number):
                payloads.append(payload)
                if clean_m is not None:
                    write_clean_depth(self.folder / "truth" / "depth" / payload.stream / f"{number:06d}.png", clean_m)
        return payloads

    def _expose(
        self, index: int, person: Person | None, later: Person | None, shadow: np.ndarray | None, number: int
    ) -> list[tuple[Payload, np.ndarray | None]]:
        device = self.rig[index]
        backdrop = self._backdrop(device.name)
        color = render_color(device, backdrop, person, shadow, self._rng(COLOR_SEED, index, number))
        depth = render_depth(device, backdrop, later, self._rng(DEPTH_SEED, index, number))
        jpeg = simplejpeg.encode_jpeg(color, quality=self.config.jpeg_quality, colorspace="RGB", colorsubsampling="422")
        coded = depth_codec.encode(depth.depth_mm)
        return [
            (Payload(stream=device.color.name, data=jpeg), None),
            (Payload(stream=device.depth.name, data=coded), depth.clean_m),
        ]

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


def _work(folder: Path) -> Path:
    return folder / ".work"


def write_clean_depth(path: Path, depth_m: Float[np.ndarray, "height width"]) -> None:
    """Writes depth as uint16 tenths of a millimetre, 0 where it is missing or beyond 6.5535 m."""
    units = np.rint(np.nan_to_num(depth_m) * TRUTH_UNITS_PER_M)
    image = np.where(units <= 65535, units, 0).astype(np.uint16)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise OSError(f"could not write {path}")
