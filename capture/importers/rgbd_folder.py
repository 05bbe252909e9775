"""Folders of depth PNG with colour images or videos, and a camera file of one of many tools.

Accepted: `NAME/color/000000.png` with `NAME/depth/000000.png`; `color/NAME/…` with `depth/NAME/…`; either with a
video `color.mp4` or `NAME.mp4` instead of colour images; `color/…` with `depth/…` of a single camera. Numbers are
moments: frame n of every camera is taken as simultaneous. A world whose up is not stated is turned upright by the floor
seen in depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.errors import CaptureError
from capture.importers.image_folder import (
    COLOR_SUFFIXES,
    MM,
    color_folder,
    depth_folder,
    depth_png,
    numbered_files,
    scale_note,
)
from capture.importers.layout import Layout
from capture.importers.paired_videos import paired_depth, video_stream
from capture.importers.rgbd_cameras import find_cameras, read_rgbd_cameras
from capture.importers.source_rig import OPTIONS, SourceRig, write_rig
from capture.importers.source_stream import SourceStream
from capture.importers.videos import SUFFIXES
from capture.session import Session
from capture.session_info import DeviceInfo

ORIGIN = "rgbd-folder"
COLOR_WORDS, DEPTH = ("color", "colour", "rgb", "image", "images"), "depth"
RATE_HZ = 30.0
ALONE = "camera"
"""Name of the device of a folder with a single camera."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RgbdPlace:
    """Where the images of one camera lie."""

    color: Path | None = None
    """A folder of images, or a video."""
    depth: Path | None = None


def recognises(source: Path) -> bool:
    """A folder with a camera whose depth images, or whose folder of colour images, are there."""
    try:
        places = find_places(source)
    except OSError:
        return False
    return any(place.depth is not None for place in places.values()) or (
        bool(places) and all(place.color is not None and place.color.is_dir() for place in places.values())
    )


def find_places(source: Path) -> dict[str, RgbdPlace]:
    """Cameras by name, in order; none in a folder of another form."""
    if not source.is_dir():
        return {}
    if alone := _in(source):
        return {ALONE: alone}
    found = {path.name: place for path in _folders(source) if (place := _in(path))}
    if found:
        return found
    colors = {p.stem: p for word in COLOR_WORDS for p in _entries(source / word)}
    depths = {p.name: p for p in _folders(source / DEPTH) if _has(p, (".png",))}
    if not depths and any(path.is_file() for path in colors.values()):
        return {}  # a folder of videos alone
    return {name: RgbdPlace(color=colors.get(name), depth=depths.get(name)) for name in sorted({*colors, *depths})}


def import_rgbd(
    source: Path,
    folder: Path,
    *,
    calibration: Path | None,
    session_id: str | None,
    on_progress: Callable[[int, int], None] | None,
    rate_hz: float | None = None,
    depth_scale: float = MM,
    frame_shift: int | None = None,
    **options: Any,
) -> Session:
    """A session of such a folder: colour byte for byte, depth in millimetres (exactly at 1000 units a metre).

    `rate_hz` is that of numbered images (30 unless told; a video has its own), `depth_scale` the units a metre of
    depth PNGs. Raises CaptureError on missing or damaged images, a camera file that is missing or of other cameras,
    and on poses or a frame pairing that the images contradict; GeometryError on a damaged camera file.
    """
    if rate_hz is not None and not rate_hz > 0:
        raise CaptureError(f"--rate-hz {rate_hz} must be a positive number of frames a second")
    note = scale_note(depth_scale)
    rate = rate_hz or RATE_HZ
    places = find_places(source)
    colors: list[SourceStream] = []
    for name, place in places.items():
        if place.color is not None:
            is_folder = place.color.is_dir()
            stream = f"{name}/color"
            colors.append(color_folder(stream, place.color, rate) if is_folder else video_stream(stream, place.color))
    if rate_hz is not None and any(stream.video for stream in colors):
        raise CaptureError(f"{source} has videos, which state their own rate; leave out --rate-hz")
    depths = {name: place.depth for name, place in places.items() if place.depth is not None}
    sizes = {s.name: (s.width or 0, s.height or 0) for s in colors}
    for name, place in depths.items():
        first = depth_png(next(iter(numbered_files(place, (".png",)).values())), depth_scale)
        sizes[f"{name}/depth"] = (first.shape[1], first.shape[0])
    read = read_rgbd_cameras(find_cameras(source, calibration), sizes)
    videos = [stream for stream in colors if stream.video]
    streams = [stream for stream in colors if not stream.video]
    streams += [depth_folder(f"{name}/depth", place, rate, depth_scale) for name, place in depths.items()
                if name not in {stream.device for stream in videos}]  # fmt: skip
    times = f"frame n of all cameras taken as simultaneous, at n / {rate:g} Hz" + ("" if rate_hz else " (assumed)")
    if videos:
        of_videos = {s.device: depths.get(s.device, source / "none") for s in videos}
        paired, times = paired_depth(videos, of_videos, read.cameras, depth_scale=depth_scale, frame_shift=frame_shift)
        streams += paired
    elif frame_shift is not None:
        raise CaptureError(f"{source} has no video, so --frame-shift has no meaning; rename the images instead")
    _check_common(source, streams)
    streams.sort(key=lambda stream: list(places).index(stream.device))
    rig = SourceRig(
        place=source,
        origin=ORIGIN,
        streams=streams,
        cameras=read.cameras,
        camera_source=read.source,
        unplaced=read.unplaced,
        devices=[DeviceInfo(name=name, model="rgbd", clock="recording", note=f"{times}; {note}") for name in places],
        is_upright=read.is_upright,
        has_scale=read.has_scale,
    )
    return write_rig(rig, folder, session_id=session_id, on_progress=on_progress, **options)


def _check_common(source: Path, streams: list[SourceStream]) -> None:
    by_name = {stream.name: stream for stream in streams}
    for name, depth in by_name.items():
        color = by_name.get(f"{depth.device}/color")
        if depth.kind == "depth" and color is not None and not set(depth.numbers) & set(color.numbers):
            raise CaptureError(
                f"{source}: {color.name} has frames {min(color.numbers)} to {max(color.numbers)}, {name} "
                f"{min(depth.numbers)} to {max(depth.numbers)}, none in common; number them alike"
            )


def _in(folder: Path) -> RgbdPlace | None:
    """What a camera's own folder holds; None without colour or depth of its own."""
    depth = folder / DEPTH if _has(folder / DEPTH, (".png",)) else None
    images = [folder / word for word in COLOR_WORDS if _has(folder / word, COLOR_SUFFIXES)]
    videos = [path for word in COLOR_WORDS for end in SUFFIXES if (path := folder / f"{word}{end}").is_file()]
    color = next(iter(images + videos), None)
    return RgbdPlace(color=color, depth=depth) if depth or images else None


def _has(folder: Path, suffixes: tuple[str, ...]) -> bool:
    return folder.is_dir() and any(path.suffix.lower() in suffixes for path in folder.iterdir())


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _entries(folder: Path) -> list[Path]:
    """Videos, and folders with images."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES or _has(p, COLOR_SUFFIXES))


LAYOUT = Layout(
    name=ORIGIN,
    description="folder: NAME/depth/000000.png and NAME/color/000000.png (or NAME/color.mp4) for each camera, and "
    "a camera file (our or HuMMan's cameras.json, Open3D's JSON, a COLMAP model)",
    recognises=recognises,
    write=import_rgbd,
    options=OPTIONS | {"rate_hz", "depth_scale", "frame_shift"},
)
