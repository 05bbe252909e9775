"""A session from Azure Kinect .mkv files, one for each device. Images are copied or re-coded without loss.

Colour JPEGs are copied byte for byte; depth and IR become dzp, the IMU JSON. Times are the device's own (a block's time
plus the file's start offset); such a file stores no arrival times, so host time repeats device time. The factory
calibration is attached to each recording and gives the cameras. Where the devices stand is not in the files: without a
rig calibration every camera is written without a pose, only with its place in its own device (the frame of its depth
camera, OpenCV axes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from capture import depth_codec
from capture.errors import CaptureError
from capture.importers.azure_kinect_file import KinectFile
from capture.mcap_recording import McapWriter
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, StreamInfo
from geometry.camera import Camera
from geometry.camera_files.any_format import read_any_cameras
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import inverse

ENCODING = {"color": "jpeg", "depth": "dzp", "ir": "dzp", "imu": "json"}
MODEL = "azure-kinect"
ORIGIN = "azure-kinect-mkv"
UNPLACED = "no rig calibration, so the world is unknown; T_device_camera is in the frame of the device's depth camera"


def import_kinect(
    sources: Sequence[Path],
    folder: Path,
    calibration: Path | None = None,
    *,
    session_id: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Makes a session in an empty folder.

    A single file's device is called `kinect_SERIAL`; of several files, each device has its file's name. `calibration`
    (ours, aniposelib, Qualisys) holds a camera for each device, named after the device or its serial number, whose
    pose (and, at the same image size, lens) is taken; the device's other camera follows by the factory calibration.

    Raises CaptureError when a file is damaged or two are of one device, when colour is not MJPG, and when a camera is
    missing in `calibration`; GeometryError when a calibration cannot be read.
    """
    files: list[KinectFile] = []
    try:
        files.extend(map(KinectFile, sources))
        names = _device_names(files)
        _check_rig(files)
        cameras = {name: _factory_cameras(file, name) for name, file in zip(names, files)}
        _write_cameras(folder, files, cameras, calibration)
        total = sum(file.path.stat().st_size for file in files)
        streams: list[StreamInfo] = []
        done = 0
        for name, file in zip(names, files):
            report = (lambda at, done=done: on_progress(min(done + at, total), total)) if on_progress else None
            streams += _convert(file, name, folder, report)
            done += file.path.stat().st_size
        devices = [_device(file, name) for name, file in zip(names, files)]
    finally:
        for file in files:
            file.close()
    if on_progress:
        on_progress(total, total)
    return Session.create(folder, id=session_id, streams=streams, devices=devices, origin=ORIGIN)


def _device_names(files: Sequence[KinectFile]) -> list[str]:
    if len(files) == 1:
        return [f"kinect_{files[0].serial}" if files[0].serial else _clean(files[0].path.stem)]
    return [_clean(file.path.stem) for file in files]


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _check_rig(files: Sequence[KinectFile]) -> None:
    by_serial: dict[str, Path] = {}
    masters = [file.path.name for file in files if file.sync == "master"]
    for file in files:
        if file.serial and file.serial in by_serial:
            raise CaptureError(
                f"{by_serial[file.serial].name} and {file.path.name} are both of device {file.serial}; "
                "a session holds one take, so put one of them elsewhere"
            )
        by_serial[file.serial] = file.path
        if "color" in file.kinds and file.color_mode[0] != "MJPG":
            raise CaptureError(f"{file.path}: colour is {file.color_mode[0] or 'of unknown format'}; record it as MJPG")
    if len(masters) > 1:
        raise CaptureError(f"{' and '.join(masters)} are both recorded as master; they cannot be of one take")


def _factory_cameras(file: KinectFile, name: str) -> dict[str, Camera]:
    """Cameras of the image streams in the device's frame (its depth camera)."""
    calibration = file.calibration
    cameras = {}
    for kind in file.kinds:
        stream = f"{name}/{kind}"
        if kind == "color":
            cameras[stream] = calibration.color_camera(file.color_mode[1], stream)
        elif kind != "imu":
            cameras[stream] = calibration.depth_camera(file.depth_mode, stream)
    for stream, camera in cameras.items():
        kind = stream.rsplit("/", maxsplit=1)[1]
        size, mode = file.size(kind), file.color_mode[1] if kind == "color" else file.depth_mode
        if size != (camera.width, camera.height):
            raise CaptureError(
                f"{file.path}: {stream} is {size[0]}x{size[1]}, but its mode {mode} is {camera.width}x{camera.height}; "
                "the file's tags are wrong, record it again"
            )
    return cameras


def _write_cameras(
    folder: Path, files: Sequence[KinectFile], cameras: dict[str, dict[str, Camera]], calibration: Path | None
) -> None:
    everything = {stream: camera for device in cameras.values() for stream, camera in device.items()}
    if calibration is None:
        source = f"factory calibration of each device; {UNPLACED}"
        write_cameras(folder.joinpath(*RECORDED_CAMERAS), everything, source=source, unplaced=everything)
        return
    given = read_any_cameras(calibration)
    placed: dict[str, Camera] = {}
    for (name, device), file in zip(cameras.items(), files):
        placed |= _place(name, file.serial, device, given, calibration)
    source = f"factory calibration of each device; poses from {calibration.name}"
    write_cameras(folder.joinpath(*RECORDED_CAMERAS), placed, source=source)


def _place(
    name: str, serial: str, device: dict[str, Camera], given: dict[str, Camera], calibration: Path
) -> dict[str, Camera]:
    """The device's cameras in the calibration's world."""
    found: dict[str, Camera] = {}
    for kind in ("color", "depth", "ir"):
        for alias in (name, serial, f"kinect_{serial}"):
            if f"{alias}/{kind}" in given and f"{name}/{kind}" in device:
                found.setdefault(f"{name}/{kind}", given[f"{alias}/{kind}"])
    if not found:
        has = ", ".join(sorted(camera.split("/")[0] for camera in given))
        raise CaptureError(
            f"{calibration} has no camera '{name}' (nor '{serial}'); it has {has}; name the recordings like its cameras"
        )
    for stream, camera in found.items():
        if (camera.width, camera.height) != (device[stream].width, device[stream].height):
            raise CaptureError(
                f"{calibration}: camera '{camera.name}' is {camera.width}x{camera.height}, the recording's {stream} is "
                f"{device[stream].width}x{device[stream].height}; calibrate in the mode of the recording"
            )
    anchor, camera = next(iter(found.items()))
    T_world_device = camera.T_world_camera @ inverse(device[anchor].T_world_camera)
    moved = {stream: c.at(T_world_device @ c.T_world_camera) for stream, c in device.items()}
    return moved | {stream: replace(camera, name=stream) for stream, camera in found.items()}


def _convert(file: KinectFile, name: str, folder: Path, report: Callable[[int], None] | None) -> list[StreamInfo]:
    """Writes recording/NAME.mcap and describes its streams."""
    recording = f"recording/{name}.mcap"
    with McapWriter(folder / recording, {f"{name}/calibration.json": file.calibration_json}) as writer:
        for kind in file.kinds:
            writer.add_stream(f"/{name}/{kind}", ENCODING[kind], _size_note(file, kind))
        for kind, device_us, data, position in file.packets():
            payload = data
            if kind == "imu":
                sample = file.imu_sample(data)
                device_us, payload = sample.acc_us, json.dumps(asdict(sample)).encode()
            elif kind != "color":
                payload = depth_codec.encode(file.image16(kind, data))
            writer.write(f"/{name}/{kind}", payload, device_us=device_us, host_us=device_us)
            if report:
                report(position)
        counts = writer.counts
    if not any(counts[f"/{name}/{kind}"] for kind in file.kinds if kind != "imu"):
        raise CaptureError(f"{file.path} holds no image; record it again")
    return [
        StreamInfo(
            name=f"{name}/{kind}",
            kind=kind,  # pyright: ignore[reportArgumentType]
            file=recording,
            topic=f"/{name}/{kind}",
            encoding=ENCODING[kind],  # pyright: ignore[reportArgumentType]
            frames=counts[f"/{name}/{kind}"],
            width=None if kind == "imu" else file.size(kind)[0],
            height=None if kind == "imu" else file.size(kind)[1],
            rate_hz=None if kind == "imu" else file.rate_hz(kind),
            delay_us={"color": file.color_delay_us, "imu": 0}.get(kind, file.depth_delay_us),
        )
        for kind in file.kinds
    ]


def _size_note(file: KinectFile, kind: str) -> dict[str, str]:
    if kind == "imu":
        return {}
    width, height = file.size(kind)
    return {"width": str(width), "height": str(height)}


def _device(file: KinectFile, name: str) -> DeviceInfo:
    return DeviceInfo(
        name=name,
        model=MODEL,
        serial=file.serial,
        clock=name if file.sync == "standalone" else "pulse",
        sync=file.sync,
        start_offset_us=file.start_offset_us,
        note=_loss(file),
        firmware=file.firmware,
    )


def _loss(file: KinectFile) -> str:
    if file.closed_properly:
        return ""
    missing = "the recorder did not close this file; its last frames may be missing"
    if file.knows_start:
        return missing
    return f"{missing}, and its times begin at 0: they do not compare with other devices'"
