"""A session from .db3 and .bag files of RealSense's recorder, one for each unit.

Depth is copied without loss (rounded where its unit is not a millimetre, which the device's note says), infrared too.
Colour is copied where it was JPEG; the recorder's pixels become PNG. Times are those of each unit's own clock; host
time is the arrival that the recorder noted, or device time again where it noted none. Units on a cable share no clock:
each has its own. Without a rig calibration cameras have a place in their own unit alone (that of its depth camera).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from capture.device import DeviceDescription, DeviceLost
from capture.errors import CaptureError
from capture.importers.layout import Layout
from capture.importers.videos import SUFFIXES as VIDEO_SUFFIXES
from capture.mcap_recording import McapWriter
from capture.realsense.file_check import SUFFIXES, check_whole, image_counts
from capture.realsense.playback import RealSensePlayback
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, StreamInfo
from geometry.camera import Camera
from geometry.camera_files.any_format import read_any_cameras
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import inverse

ORIGIN = "realsense-file"
UNPLACED = "no rig calibration, so the world is unknown; T_device_camera is in the frame of the unit's depth camera"
POLL_S = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class _Unit:
    """A file that was opened once, to learn what it is of."""

    path: Path
    name: str
    description: DeviceDescription


def is_realsense_file(source: Path) -> bool:
    """Whether a file is called .db3 or .bag, or a folder has one; what is in it is looked at when it is imported."""
    if source.is_dir():
        return any(next(source.glob(f"*{suffix}"), None) is not None for suffix in SUFFIXES)
    return source.suffix.lower() in SUFFIXES and source.is_file()


def import_realsense(
    source: Path,
    folder: Path,
    *,
    calibration: Path | None = None,
    session_id: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Makes a session in an empty folder.

    A single file's unit is called `realsense_SERIAL`; of several, each has its file's name. `calibration` holds the
    depth or the colour camera of each unit, by that name or the serial number, whose place in the world is taken.

    Raises CaptureError for a file that is damaged, cut short, without a frame, or of another rig; when files of other
    devices lie in the folder, or two are of one unit; and when the calibration lacks a unit.
    """
    units = _opened(_files(source))
    _check_serials(units)
    cameras = {c.name: c for unit in units for c in unit.description.cameras}
    _write_cameras(folder, units, cameras, calibration)
    expected = {unit.name: image_counts(unit.path) for unit in units}
    total = sum(sum(counts.values()) for counts in expected.values())
    streams: list[StreamInfo] = []
    devices: list[DeviceInfo] = []
    done = 0
    for unit in units:
        found, note = _convert(unit, folder, lambda n, done=done: on_progress(done + n, total) if on_progress else None)
        done += sum(stream.frames for stream in found)
        streams += found
        notes = [text for text in (unit.description.info.note, note) if text]
        devices.append(replace(unit.description.info, note="; ".join(notes)))
    return Session.create(folder, id=session_id, streams=streams, devices=devices, origin=ORIGIN)


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    files = sorted(p for p in source.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    others = sorted(p for p in source.iterdir() if p.suffix.lower() in (*VIDEO_SUFFIXES, ".r3d"))
    if others:
        raise CaptureError(
            f"{source} has RealSense's {files[0].name} and {others[0].name}, which is not; import them separately"
        )
    return files


def _opened(files: Sequence[Path]) -> list[_Unit]:
    units = []
    for path in files:
        check_whole(path)
        serial = _asked("unit", path).info.serial
        single = f"realsense_{serial}" if serial else path.stem
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", single if len(files) == 1 else path.stem)
        units.append(_Unit(path=path, name=name, description=_asked(name, path)))
    return units


def _asked(name: str, path: Path) -> DeviceDescription:
    """What a file says of its unit."""
    device = RealSensePlayback(name, path, real_time=False, jpeg_quality=None)
    try:
        return device.open()
    finally:
        device.close()


def _check_serials(units: Sequence[_Unit]) -> None:
    by_serial: dict[str, Path] = {}
    for unit in units:
        serial = unit.description.info.serial
        if serial and serial in by_serial:
            raise CaptureError(
                f"{by_serial[serial].name} and {unit.path.name} are both of unit {serial}; "
                "a session holds one take, so put one of them elsewhere"
            )
        by_serial[serial] = unit.path


def _write_cameras(folder: Path, units: Sequence[_Unit], cameras: dict[str, Camera], calibration: Path | None) -> None:
    path = folder.joinpath(*RECORDED_CAMERAS)
    if calibration is None:
        write_cameras(path, cameras, source=f"factory calibration of each unit; {UNPLACED}", unplaced=cameras)
        return
    given = read_any_cameras(calibration)
    placed: dict[str, Camera] = {}
    for unit in units:
        placed |= _place(unit, given, calibration)
    write_cameras(path, placed, source=f"factory calibration of each unit; places from {calibration.name}")


def _place(unit: _Unit, given: dict[str, Camera], calibration: Path) -> dict[str, Camera]:
    """The unit's cameras in the calibration's world: one is given, the others follow by the factory calibration."""
    aliases = (unit.name, unit.description.info.serial)
    for camera in unit.description.cameras:
        kind = camera.name.rsplit("/", maxsplit=1)[1]
        for alias in aliases:
            if (known := given.get(f"{alias}/{kind}")) is not None:
                T_world_device = known.T_world_camera @ inverse(camera.T_world_camera)
                return {
                    c.name: replace(c, T_world_camera=T_world_device @ c.T_world_camera)
                    for c in unit.description.cameras
                }
    has = ", ".join(sorted(given)) or "none"
    raise CaptureError(f"{calibration} has no camera of '{unit.name}' (nor '{aliases[1]}'); it has {has}; name it so")


def _convert(unit: _Unit, folder: Path, report: Callable[[int], None]) -> tuple[list[StreamInfo], str]:
    """Writes recording/NAME.mcap; describes its streams and says what is odd about their times."""
    file = f"recording/{unit.name}.mcap"
    device = RealSensePlayback(unit.name, unit.path, real_time=False, jpeg_quality=None)
    with device, McapWriter(folder / file, unit.description.attachments) as writer:
        for stream in unit.description.streams:
            size = {"width": str(stream.width), "height": str(stream.height)}
            writer.add_stream(f"/{stream.name}", stream.encoding, size)
        device.start()
        try:
            for done, frame in enumerate(device.frames(), 1):
                writer.write(f"/{frame.stream}", frame.data, device_us=frame.device_us, host_us=frame.host_us)
                report(done)
        except DeviceLost as error:
            raise CaptureError(f"{unit.path} is damaged ({error}); copy it again from the recording computer") from None
        counts, blind = writer.counts, device.without_hardware_time
    if not any(counts.values()):
        raise CaptureError(f"{unit.path} holds no frame; record it again")
    _check_all_read(unit, counts)
    note = f"{', '.join(blind)} with the recording computer's time, not the unit's" if blind else ""
    return [stream.recorded(file, counts[f"/{stream.name}"]) for stream in unit.description.streams], note


def _check_all_read(unit: _Unit, counts: dict[str, int]) -> None:
    """No frame may be lost between the file and the session. Raises CaptureError."""
    names = {"depth": "/Depth_", "color": "/Color_", "ir": "/Infrared_"}
    there = image_counts(unit.path)
    for topic, count in counts.items():
        mark = names[topic.rsplit("/", maxsplit=1)[1]]
        stored = [n for name, n in there.items() if mark in name]
        if stored and count not in stored:
            raise CaptureError(
                f"{unit.path}: the SDK gave {count} of {stored[0]} frames of {topic}; copy the file again"
            )


LAYOUT = Layout(
    name=ORIGIN,
    description="file: .db3 or .bag of RealSense's recorder, or a folder with one for each unit",
    recognises=is_realsense_file,
    write=import_realsense,
)
