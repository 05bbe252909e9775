"""Whether a session is whole: files, frames, clocks, cameras, stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from capture.errors import CaptureError
from capture.mcap_recording import McapReader
from capture.session import INSTANTS, RECORDED_CAMERAS, Session
from capture.session_info import StreamInfo
from capture.video import VideoStream
from geometry.camera_files.cameras_json import read_camera_file
from geometry.errors import GeometryError

STAGE_FOLDERS = ("sync", "calibration", "masks", "clouds", "keypoints", "body", "mesh", "texture", "export", "report")
MANIFEST = "manifest.json"
GAP = 1.5  # periods between two frames; more means that frames were dropped


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that is wrong, odd, or worth knowing."""

    level: Literal["error", "warning", "note"]
    """error: data is missing or damaged; warning: it can be used, with care; note: fine, but good to know."""
    where: str
    """A stream, or a path inside the session."""
    text: str


def check_session(session: Session) -> list[Finding]:
    """All findings, worst first. Reads the whole recording, because every checksum is compared."""
    findings = [
        *_check_files(session),
        *_check_lengths(session),
        *_check_cameras(session),
        *_check_instants(session),
        *_check_folders(session),
    ]
    order = ("error", "warning", "note")
    return sorted(findings, key=lambda finding: order.index(finding.level))


def _check_files(session: Session) -> Iterator[Finding]:
    if not session.streams:
        yield Finding(level="error", where="session.toml", text="the session has no stream; import the recording again")
    for file in dict.fromkeys(stream.file for stream in session.streams.values()):
        streams = [stream for stream in session.streams.values() if stream.file == file]
        try:
            if streams[0].topic is None:
                yield from _check_video(session, streams[0])
            else:
                yield from _check_recording(session, file, streams)
        except CaptureError as error:
            yield Finding(level="error", where=file, text=str(error))
    for device in session.info.devices:
        if device.note:
            yield Finding(level="note", where=device.name, text=device.note)


def _check_video(session: Session, stream: StreamInfo) -> Iterator[Finding]:
    video = VideoStream(session.path(stream.file))
    try:
        yield from _check_count(stream, len(video))
        if (video.width, video.height) != (stream.width, stream.height):
            text = f"pictures are {video.width}x{video.height}, session.toml says {stream.width}x{stream.height}"
            yield Finding(level="error", where=stream.name, text=text)
        video.frame(len(video) - 1)
        yield from _check_times(stream, video.timestamps_us)
    finally:
        video.close()


def _check_recording(session: Session, file: str, streams: list[StreamInfo]) -> Iterator[Finding]:
    with McapReader(session.path(file)) as reader:
        if reader.recovered:
            lost = f", {reader.lost_chunks} damaged chunks left out" if reader.lost_chunks else ""
            yield Finding(
                level="error",
                where=file,
                text=f"the recording was cut short; all complete chunks can be read{lost}; "
                f"run: humanrig repair {session.folder}",
            )
        for stream in streams:
            try:
                yield from _check_count(stream, reader.count(stream.topic or ""))
                yield from _check_times(stream, reader.timestamps_us(stream.topic or "")[0])
            except CaptureError as error:
                yield Finding(level="error", where=stream.name, text=str(error))
        if not reader.recovered:
            reader.verify()


def _check_count(stream: StreamInfo, there: int) -> Iterator[Finding]:
    if there < stream.frames:
        text = f"{there} of {stream.frames} frames are there; restore {stream.file} or import again"
        yield Finding(level="error", where=stream.name, text=text)
    elif there > stream.frames:
        text = f"{there - stream.frames} frames after the first {stream.frames} are not used"
        yield Finding(level="note", where=stream.name, text=text)
    if not there:
        yield Finding(level="warning", where=stream.name, text="the stream has no frame")


def _check_times(stream: StreamInfo, times: np.ndarray) -> Iterator[Finding]:
    steps = np.diff(times[: stream.frames])
    back = np.flatnonzero(steps <= 0)
    if len(back):
        text = (
            f"the device clock does not advance at frame {back[0] + 1} ({len(back)} times in all); the device was reset"
        )
        yield Finding(level="error", where=stream.name, text=text)
    if not stream.is_image or len(steps) < 2 or len(back):
        return
    period = 1e6 / stream.rate_hz if stream.rate_hz else float(np.median(steps))
    gaps = np.flatnonzero(steps > GAP * period)
    if len(gaps):
        dropped = int(np.sum(np.rint(steps[gaps] / period) - 1))
        longest = f"{steps.max() / 1e6:.2f} s after frame {steps.argmax()}"
        text = f"{dropped} frames dropped in {len(gaps)} gaps, the longest {longest}"
        yield Finding(level="warning", where=stream.name, text=text)


def _check_lengths(session: Session) -> Iterator[Finding]:
    """Only streams of one rate should have as many frames as each other."""
    rates = dict.fromkeys(s.rate_hz for s in session.streams.values() if s.is_image)
    for rate in rates:
        lengths = {s.name: s.frames for s in session.streams.values() if s.is_image and s.rate_hz == rate}
        longest = max(lengths.values())
        if short := ", ".join(f"{name} {n}" for name, n in lengths.items() if n < longest):
            text = f"streams of one rate differ in length: the longest {longest}, {short}; frames are paired by time"
            yield Finding(level="warning", where="session.toml", text=text)


def _check_cameras(session: Session) -> Iterator[Finding]:
    where = "/".join(RECORDED_CAMERAS)
    if not session.path(*RECORDED_CAMERAS).exists():
        yield Finding(level="error", where=where, text="missing: the recording came without cameras; import it again")
        return
    try:
        file = read_camera_file(session.path(*RECORDED_CAMERAS))
    except GeometryError as error:
        yield Finding(level="error", where=where, text=str(error))
        return
    for stream in session.streams.values():
        camera = file.cameras.get(stream.name)
        if stream.is_image and camera is None:
            yield Finding(
                level="error", where=stream.name, text=f"has no camera in {where}; import it with a calibration"
            )
        elif camera is not None and (camera.width, camera.height) != (stream.width, stream.height):
            sizes = f"its camera is {camera.width}x{camera.height}, its frames {stream.width}x{stream.height}"
            yield Finding(level="error", where=stream.name, text=f"{sizes}; import it again")
    if file.unplaced:
        devices = ", ".join(sorted({name.rsplit("/", maxsplit=1)[0] for name in file.unplaced}))
        text = f"the place of {devices} in the world is not known; calibrate the rig, or import with --calibration FILE"
        yield Finding(level="warning", where=where, text=text)


def _check_instants(session: Session) -> Iterator[Finding]:
    if not session.path(*INSTANTS).exists():
        return
    try:
        instants = session.instants()
    except CaptureError as error:
        yield Finding(level="error", where="/".join(INSTANTS), text=str(error))
        return
    for stream in session.streams:
        holes = sum(stream in instant.index and not instant.has(stream) for instant in instants)
        if holes:
            text = f"no frame at {holes} of {len(instants)} instants"
            yield Finding(level="warning", where=stream, text=text)


def _check_folders(session: Session) -> Iterator[Finding]:
    for name in STAGE_FOLDERS:
        folder = session.path(name)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
            text = f"has no {MANIFEST}: it was not made by a stage, or the stage was interrupted; run that stage again"
            yield Finding(level="warning", where=name, text=text)
    for leftover in sorted(session.folder.glob(".*.partial")):
        yield Finding(level="warning", where=leftover.name, text="left behind by an interrupted stage; safe to delete")
    for key, link in session.info.links.items():
        if not session.path(link, "session.toml").exists():
            yield Finding(
                level="warning", where=f"links.{key}", text=f"there is no session at {link}; correct session.toml"
            )
