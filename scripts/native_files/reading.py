"""What a reader found in the file of one device, and how it differs from the session."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import simplejpeg
from jaxtyping import Float

from capture import depth_codec
from capture.session import Session
from geometry.camera import Camera
from geometry.rays import ray_table
from geometry.rigid import inverse, transform

GRID, DISTANCES_M = 12, (0.5, 1.5, 4.0)
"""Points at which lenses are compared: so many in each direction of the picture, at these distances."""

Project = Callable[[str, Float[np.ndarray, "points 3"]], Float[np.ndarray, "points 2"]]
"""Pixels in the camera of a kind of points in the frame of the device's depth camera; NaN where there are none."""


@dataclass(kw_only=True)
class Reading:
    """What one reader gives of one device."""

    times_us: dict[str, list[int]] = field(default_factory=dict)
    """By kind; empty where the reader tells none."""
    counts: dict[str, int] = field(default_factory=dict)
    digests: dict[str, list[str]] = field(default_factory=dict)
    """Of depth and infrared as uint16, and of colour's coded bytes where they are JPEG."""
    pixels: list[np.ndarray] = field(default_factory=list)
    """Colour as RGB, where the reader decodes it."""
    project: Project | None = None
    K_color: Float[np.ndarray, "3 3"] | None = None
    """Where a reader tells nothing else of lenses."""

    def add16(self, kind: str, image: np.ndarray) -> None:
        """A depth or infrared image."""
        self.digests.setdefault(kind, []).append(digest(np.ascontiguousarray(image, np.uint16).tobytes()))
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def add_color(self, *, jpeg: bytes | None = None, rgb: np.ndarray | None = None) -> None:
        """A picture."""
        if jpeg is not None:
            self.digests.setdefault("color", []).append(digest(jpeg))
        if rgb is not None:
            self.pixels.append(rgb)
        self.counts["color"] = self.counts.get("color", 0) + 1

    def add_time(self, kind: str, time_us: int) -> None:
        """When a frame was taken, on the device's clock."""
        self.times_us.setdefault(kind, []).append(time_us)


def digest(data: bytes) -> str:
    """Of the bytes of a frame."""
    return hashlib.sha256(data).hexdigest()


def recorded(session: Session, device: str) -> Reading:
    """What the session has."""
    found = Reading()
    for stream in (s for s in session.info.streams if s.device == device and s.is_image):
        found.times_us[stream.kind] = session.timestamps_us(stream.name)[0].tolist()
        for index in range(stream.frames):
            data = session.recording(stream.file).read(f"/{stream.name}", index).data
            if stream.kind == "color":
                found.add_color(jpeg=data, rgb=simplejpeg.decode_jpeg(data, colorspace="RGB"))
            else:
                found.add16(stream.kind, depth_codec.decode(data, stream.height or 0, stream.width or 0))
    return found


def projector(cameras: Mapping[str, Camera]) -> Project:
    """Of cameras by kind, wherever they stand."""
    T_world_depth = cameras["depth"].T_world_camera

    def project(kind: str, points: np.ndarray) -> np.ndarray:
        camera = cameras[kind]
        return camera.project_camera(transform(inverse(camera.T_world_camera) @ T_world_depth, points))

    return project


def compared(name: str, reader: str, found: Reading, true: Reading, cameras: Mapping[str, Camera]) -> str:
    """A row of the table: what was read of what was recorded."""
    kinds = [kind for kind in true.counts if kind in found.counts]
    frames = ", ".join(f"{kind} {found.counts[kind]}/{true.counts[kind]}" for kind in kinds)
    late = [_late_us(found.times_us[kind], true.times_us[kind]) for kind in kinds if found.times_us.get(kind)]
    bits = {kind: _same(found.digests.get(kind), true.digests[kind]) for kind in kinds if kind != "color"}
    cells = [
        name,
        reader,
        frames,
        max(late) if late else "not told",
        _lens(found, cameras, kinds),
        ", ".join(f"{kind} {said}" for kind, said in bits.items()) or "none",
        _color(found, true),
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _late_us(found: Sequence[int], true: Sequence[int]) -> str:
    if len(found) != len(true):
        return f"{len(true) - len(found)} frames are missing"
    return str(int(np.abs(np.array(found) - np.array(true)).max()))


def _same(found: Sequence[str] | None, true: Sequence[str]) -> str:
    if found is None:
        return "not read"
    there = set(true)
    same = sum(one in there for one in found)
    if list(found) == list(true):
        return "bit-exact"
    return "bit-exact, as far as read" if same == len(found) else f"{same} of {len(true)} the same"


def _color(found: Reading, true: Reading) -> str:
    if "color" not in found.counts:
        return "none"
    if found.digests.get("color"):
        return f"bytes {_same(found.digests['color'], true.digests['color'])}"
    if not found.pixels:
        return "not read"
    pairs = zip(found.pixels, _beside(found, true))
    off = [np.abs(a.astype(np.int16) - b) for a, b in pairs]
    worst = max(int(o.max()) for o in off)
    if worst == 0 and len(found.pixels) == len(true.pixels):
        return "pixels exact"
    return f"pixels: mean {np.mean([o.mean() for o in off]):.2f}, largest {worst} of 255"


def _beside(found: Reading, true: Reading) -> list[np.ndarray]:
    """The true picture of each that was read; where some were left out, by the depth image that came with it."""
    if len(found.pixels) == len(true.pixels):
        return true.pixels
    number = {one: index for index, one in enumerate(true.digests["depth"])}
    colors_us, depths_us = (np.array(true.times_us[kind]) for kind in ("color", "depth"))
    beside = [depths_us[number[one]] for one in found.digests["depth"]]
    return [true.pixels[int(np.abs(colors_us - time_us).argmin())] for time_us in beside]


def _lens(found: Reading, cameras: Mapping[str, Camera], kinds: Sequence[str]) -> str:
    """Largest distance between pixels of the reader's cameras and those of the session."""
    if found.K_color is not None and "color" in cameras:
        return f"colour's K {np.abs(found.K_color - cameras['color'].K).max():.1e}"
    if found.project is None or "depth" not in cameras:
        return "not told"
    table = ray_table(cameras["depth"])
    rows, columns = (np.linspace(0, n - 1, GRID).round().astype(int) for n in table.shape[:2])
    rays = table[np.ix_(rows, columns)].reshape(-1, 2)
    rays = rays[np.isfinite(rays).all(1)]
    points = np.concatenate([np.concatenate([z * rays, np.full((len(rays), 1), z)], 1) for z in DISTANCES_M])
    truth, said = projector(cameras), []
    for kind in (k for k in kinds if k in cameras and k != "ir"):
        a, b = truth(kind, points), found.project(kind, points)
        width, height = cameras[kind].width, cameras[kind].height
        inside = np.isfinite(a).all(1) & np.isfinite(b).all(1) & (a >= 0).all(1) & (a <= (width - 1, height - 1)).all(1)
        said.append(f"{kind} {np.linalg.norm(a - b, axis=1)[inside].max():.1e}" if inside.any() else f"{kind} nothing")
    return ", ".join(said)
