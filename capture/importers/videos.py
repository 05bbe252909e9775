"""A session from videos of one start, one for each camera, and a calibration file with those cameras.

Videos are copied as they are, never re-encoded. Video NAME.mp4 belongs to camera NAME of
the calibration. Their first frames are taken as simultaneous and times count from there. The world is the calibration's
own: Qualisys' has z up and the floor at 0, as ours; nothing is turned here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from capture.errors import CaptureError
from capture.importers.video_size import MEANING, SizeMismatch, camera_of_size
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.video import VideoStream
from geometry.camera import Camera
from geometry.camera_files.any_format import FORMATS, read_any_cameras
from geometry.camera_files.cameras_json import write_cameras

SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v")
CALIBRATIONS = ("*.qca.txt", "*[Cc]alib*.toml", "cameras.toml", "cameras.json")
RATE_TOLERANCE = 0.002
"""Relative. Matroska rounds times to milliseconds; 29.97 and 30 Hz differ by 0.001 and drift 1 frame in 33 s."""
ORIGIN = "videos"


def import_videos(
    sources: Sequence[Path],
    folder: Path,
    calibration: Path | None,
    *,
    session_id: str | None = None,
    size_mismatch: SizeMismatch = "refuse",
    crop_offset: tuple[int, int] = (0, 0),
    trim_to_shortest: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Makes a session in an empty folder.

    `size_mismatch` says what was done to videos whose size is not their calibration's (`camera_of_size`). Cameras of
    the calibration without a video are left out. Raises CaptureError when there is no calibration, a video is damaged
    or has no camera, or lengths (unless `trim_to_shortest`) or frame rates differ; GeometryError when the calibration
    cannot be read.
    """
    if calibration is None:
        raise CaptureError(
            f"no calibration beside {sources[0]}: videos need one; pass --calibration FILE, one of {FORMATS}"
        )
    given = read_any_cameras(calibration)
    by_name = _match(sources, given, calibration)
    streams: dict[str, VideoStream] = {}
    try:
        for done, (name, path) in enumerate(by_name.items()):
            streams[name] = VideoStream(path)
            streams[name].frame(len(streams[name]) - 1)  # a truncated file fails here, not in the middle of a fit
            if on_progress:
                on_progress(done + 1, len(by_name))
        frames = _common_length(streams, trim_to_shortest)
        _check_rates(streams)
        cameras, notes = {}, {}
        for name, video in streams.items():
            camera = given[f"{name}/color"]
            cameras[name] = camera_of_size(camera, video.width, video.height, size_mismatch, crop_offset)
            notes[name] = _note(camera, video, size_mismatch, crop_offset)
        infos = [_stream(name, video, by_name[name], frames) for name, video in streams.items()]
    finally:
        for video in streams.values():
            video.close()
    for info, path in zip(infos, by_name.values()):
        _copy(path, folder / info.file)
    source = "; ".join(
        [f"{calibration.name}, world as in that file", *(f"{n}: {note}" for n, note in notes.items() if note)]
    )
    write_cameras(folder.joinpath(*RECORDED_CAMERAS), cameras.values(), source=source)
    devices = [DeviceInfo(name=name, model="video", clock="video", note=note) for name, note in notes.items()]
    return Session.create(folder, id=session_id, streams=infos, devices=devices, origin=ORIGIN)


def find_calibration(folder: Path) -> Path | None:
    """The calibration file in a folder or its subfolder `calibration`. Raises CaptureError when there are several."""
    places = (folder, folder / "calibration")
    found = sorted({path for place in places for pattern in CALIBRATIONS for path in place.glob(pattern)})
    if len(found) > 1:
        raise CaptureError(
            f"{folder} has several calibrations ({', '.join(p.name for p in found)}); name one with --calibration"
        )
    return found[0] if found else None


def _match(sources: Sequence[Path], given: dict[str, Camera], calibration: Path) -> dict[str, Path]:
    """Videos by the name of their camera."""
    by_name: dict[str, Path] = {}
    has = ", ".join(name.removesuffix("/color") for name in given)
    for path in sources:
        if path.stem in by_name:
            raise CaptureError(f"{by_name[path.stem].name} and {path.name} are both of camera '{path.stem}'; keep one")
        if f"{path.stem}/color" not in given:
            raise CaptureError(
                f"{calibration} has no camera '{path.stem}' for the video {path.name}; it has {has}; "
                "name each video like its camera, or take the video out"
            )
        by_name[path.stem] = path
    return by_name


def _common_length(streams: dict[str, VideoStream], trim: bool) -> int:
    lengths = {name: len(video) for name, video in streams.items()}
    if len(set(lengths.values())) > 1 and not trim:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise CaptureError(
            f"the videos have different lengths ({told} frames); if they start together, pass --trim-to-shortest"
        )
    return min(lengths.values())


def _check_rates(streams: dict[str, VideoStream]) -> None:
    rates = {name: video.rate_hz for name, video in streams.items() if len(video) > 1}
    if rates and max(rates.values()) > min(rates.values()) * (1 + RATE_TOLERANCE):
        told = ", ".join(f"{name} {rate:.2f}" for name, rate in rates.items())
        raise CaptureError(f"the videos have different frame rates ({told} Hz); convert them to one rate first")


def _note(camera: Camera, video: VideoStream, policy: SizeMismatch, crop_offset: tuple[int, int]) -> str:
    if (video.width, video.height) == (camera.width, camera.height):
        return ""
    at = f" at {crop_offset}" if policy == "crop" else ""
    return f"calibrated at {camera.width}x{camera.height}, video {video.width}x{video.height}: {MEANING[policy]}{at}"


def _stream(name: str, video: VideoStream, path: Path, frames: int) -> StreamInfo:
    return StreamInfo(
        name=f"{name}/color",
        kind="color",
        file=f"recording/{path.name}",
        encoding="video",
        frames=frames,
        width=video.width,
        height=video.height,
        rate_hz=round(video.rate_hz, 4) or None,
    )


def _copy(source: Path, target: Path) -> None:
    """A file of the session's own: a hard link would let an edit of the original change the session."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
