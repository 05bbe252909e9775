"""Writes what phones and RealSense units sent, one recording for each device, and the truth of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capture.mcap_recording import McapReader, McapWriter
from capture.session_info import DeviceInfo, StreamInfo
from capture.virtual.other_devices import OtherDevice
from capture.virtual.other_sensors import UnitSensors
from capture.virtual.take_clocks import write_frame
from capture.virtual.true_frames import write_true_frames
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras


@dataclass(frozen=True, kw_only=True, eq=False)
class OtherRecorded:
    """What session.toml and cameras.json must have of them."""

    streams: tuple[StreamInfo, ...] = ()
    devices: tuple[DeviceInfo, ...] = ()
    cameras: tuple[Camera, ...] = ()
    """Where they stand in the world; of a device that moves, its first intrinsics and its place in the device."""
    unplaced: tuple[str, ...] = ()
    """Names of the cameras that move."""


def record_other_devices(
    folder: Path,
    devices: tuple[OtherDevice, ...],
    jobs: Sequence[tuple[int, int]],
    frames: Iterable[Mapping[str, bytes]],
) -> None:
    """Writes recording/NAME.mcap of each device; `frames` are the encoded frames of each job, in order.

    A disk that is full raises OSError; what was written until then stays readable.
    """
    writers = [McapWriter(folder / _file(device)) for device in devices]
    try:
        for device, writer in zip(devices, writers):
            for stream in device.described().streams:
                size = {} if stream.width is None else {"width": str(stream.width), "height": str(stream.height)}
                writer.add_stream(f"/{stream.name}", stream.encoding, size)
        for (number, exposure), payloads in zip(jobs, frames, strict=True):
            with writers[number].abandoned_on_error():
                for stream, data in payloads.items():
                    write_frame(writers[number], stream, data, devices[number].clocked[stream], exposure)
    finally:
        for writer in writers:
            writer.finish()


def describe_recorded(folder: Path, devices: tuple[OtherDevice, ...]) -> OtherRecorded:
    """What lies in their recordings; devices without one are left out."""
    devices = tuple(device for device in devices if (folder / _file(device)).exists())
    counts: dict[str, int] = {}
    for device in devices:
        with McapReader(folder / _file(device)) as reader:
            counts |= {topic.removeprefix("/"): reader.count(topic) for topic in reader.topics}
    return OtherRecorded(
        streams=tuple(s.recorded(_file(d), counts.get(s.name, 0)) for d in devices for s in d.described().streams),
        devices=tuple(device.described().info for device in devices),
        cameras=tuple(c for device in devices for c in _cameras(device)),
        unplaced=tuple(c.name for device in devices if device.moving for c in _cameras(device)),
    )


def write_other_truth(folder: Path, devices: tuple[OtherDevice, ...], *, effects: bool, seed: int) -> None:
    """Writes truth/frames/STREAM.npz of every stream, truth/phones/NAME.npz of what moves, truth/other_cameras.json
    of what stands still, and truth/other_devices.json with each unit's own errors (`effects`, `seed`: as rendered)."""
    if devices:
        units = {device.name: UnitSensors.of(device, effects=effects, seed=seed).truth() for device in devices}
        (folder / "truth").mkdir(exist_ok=True)
        (folder / "truth" / "other_devices.json").write_text(json.dumps(units, indent=1) + "\n", "utf-8")
    if still := still_cameras(devices):
        write_cameras(folder / "truth" / "other_cameras.json", still, source="virtual rig, as placed")
    for device in devices:
        write_true_frames(folder, device.clocked)
        arrays = device.truth()
        if arrays:
            path = folder / "truth" / "phones" / f"{device.name}.npz"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(path, **arrays)  # pyright: ignore[reportArgumentType]


def still_cameras(devices: tuple[OtherDevice, ...]) -> tuple[Camera, ...]:
    """True cameras of the devices that do not move."""
    return tuple(c for device in devices if not device.moving for c in _cameras(device))


def _cameras(device: OtherDevice) -> tuple[Camera, Camera]:
    color, depth = device.color_camera(0), device.depth_camera(0)
    return (color.at(np.eye(4)), depth.at(np.eye(4))) if device.moving else (color, depth)


def _file(device: OtherDevice) -> str:
    return f"recording/{device.name}.mcap"
