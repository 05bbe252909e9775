"""One Kinect of a session as an Azure Kinect .mkv, written frame by frame: Azure Kinect Viewer and the SDK open it.

Colour JPEGs are copied byte for byte; depth and IR are decoded from dzp to the SDK's raw big-endian images, without
loss. Times, delays, the place on the cable, the serial number and the start offset become the SDK's tags
(Azure-Kinect-Sensor-SDK, `src/record`).
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from capture import depth_codec
from capture.errors import CaptureError
from capture.importers.azure_kinect_file import IMU_SAMPLE
from capture.matroska_writer import MatroskaWriter, Track
from capture.native.whole import whole_file
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from geometry.camera import Camera
from geometry.camera_files.azure_kinect_modes import COLOR_MODES, DEPTH_MODES, SensorMode
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.told_values import json_of

CALIBRATION = "calibration.json"
PERIODS_US = {5: 200_000, 15: 66_667, 30: 33_333}
RATE_TOLERANCE = 0.03
ORDER = ("color", "depth", "ir", "imu")
"""Of the tracks, as k4arecorder writes them."""


@dataclass(frozen=True, kw_only=True)
class KinectPlan:
    """What of a device goes into its file."""

    session: Session
    device: DeviceInfo
    streams: dict[str, StreamInfo]
    """By kind."""
    notes: tuple[str, ...]
    """What is left out or made up, a sentence each."""

    @property
    def frames(self) -> int:
        """How many there are, of all streams."""
        return sum(stream.frames for stream in self.streams.values())


def plan_kinect(session: Session, device: str) -> KinectPlan | None:
    """What of a device an Azure Kinect's file can hold; None where that is nothing.

    Colour must be JPEG and images of a size that the sensor has: a picture is never coded again, nor scaled.
    """
    streams: dict[str, StreamInfo] = {}
    notes: list[str] = []
    for stream in (s for s in session.streams.values() if s.device == device and s.is_image and s.frames):
        if stream.encoding != ("jpeg" if stream.kind == "color" else "dzp"):
            notes.append(f"{stream.name} is left out: it is {stream.encoding}, a Kinect's file has JPEG and raw depth")
        elif _mode(stream, COLOR_MODES if stream.kind == "color" else DEPTH_MODES) is None:
            notes.append(f"{stream.name} is left out: no Azure Kinect mode gives {stream.width}x{stream.height}")
        else:
            streams[stream.kind] = stream
    if "depth" not in streams and "color" not in streams:
        return None
    imu = session.streams.get(f"{device}/imu")
    if imu is not None and imu.frames and _imu_values(session.frame(imu.name, 0).payload) is not None:
        streams["imu"] = imu
    notes += [
        f"{s.name} has {s.rate_hz:g} Hz, which is none of the sensor's; players may refuse it"
        for s in streams.values()
        if s.kind != "imu" and s.rate_hz and _period_us(s) not in PERIODS_US.values()
    ]
    return KinectPlan(session=session, device=session.devices[device], streams=streams, notes=tuple(notes))


def write_kinect_mkv(
    plan: KinectPlan, path: Path, cameras: Mapping[str, Camera], on_frame: Callable[[], None] | None = None
) -> list[str]:
    """Writes the file, which appears whole or not at all; returns sentences about what had to be made up.

    `cameras` are used where the recording has no factory calibration attached. Raises CaptureError when a frame is
    damaged, a clock goes back, a camera is missing or the file is there already, CannotWrite when the disk refuses;
    GeometryError when a camera cannot be a Kinect's.
    """
    session = plan.session
    raw, notes = _calibration(session, plan, cameras)
    start_us = _start_us(session, plan)
    tracks = [_track(plan, kind, number) for number, kind in enumerate(_kinds(plan), 1)]
    target = {CALIBRATION: {"K4A_CALIBRATION_FILE": CALIBRATION}}
    with (
        whole_file(path) as partial,
        MatroskaWriter(partial, tracks, _tags(plan, start_us), {CALIBRATION: raw}, target) as writer,
    ):
        for time_us, kind, index in _in_time(session, plan):
            writer.write(kind.upper(), time_us - start_us, _block(session, plan.streams[kind], index))
            if on_frame:
                on_frame()
    return notes


def _kinds(plan: KinectPlan) -> list[str]:
    return [kind for kind in ORDER if kind in plan.streams]


def _mode(stream: StreamInfo, modes: Mapping[str, SensorMode]) -> str | None:
    return next(
        (name for name, mode in modes.items() if (mode.width, mode.height) == (stream.width, stream.height)), None
    )


def _period_us(stream: StreamInfo) -> int:
    rate = stream.rate_hz or 30.0
    near = min(PERIODS_US, key=lambda known: abs(known - rate))
    return PERIODS_US[near] if abs(near - rate) <= RATE_TOLERANCE * near else round(1e6 / rate)


def _track(plan: KinectPlan, kind: str, number: int) -> Track:
    stream = plan.streams[kind]
    if kind == "imu":
        return Track(name="IMU", codec="S_K4A/IMU", tags={"K4A_IMU_TRACK": str(number), "K4A_IMU_MODE": "ON"})
    color = kind == "color"
    mode = (
        f"MJPG_{_mode(stream, COLOR_MODES)}" if color else "ACTIVE" if kind == "ir" else str(_mode(stream, DEPTH_MODES))
    )
    return Track(
        name=kind.upper(),
        width=stream.width or 0,
        height=stream.height or 0,
        fourcc=b"MJPG" if color else b"b16g",
        bits=24 if color else 16,
        period_us=_period_us(stream),
        tags={f"K4A_{kind.upper()}_TRACK": str(number), f"K4A_{kind.upper()}_MODE": mode},
    )


def _tags(plan: KinectPlan, start_us: int) -> dict[str, str]:
    color = plan.streams["color"].delay_us if "color" in plan.streams and plan.device.sync == "subordinate" else 0
    depth = next((plan.streams[kind].delay_us - color for kind in ("depth", "ir") if kind in plan.streams), 0)
    return {
        "K4A_WIRED_SYNC_MODE": plan.device.sync.upper(),
        "K4A_SUBORDINATE_DELAY_NS": str(1000 * color),
        "K4A_DEPTH_DELAY_NS": str(1000 * depth),
        "K4A_START_OFFSET_NS": str(1000 * start_us),
        **({"K4A_DEVICE_SERIAL_NUMBER": plan.device.serial} if plan.device.serial else {}),
    }


def _start_us(session: Session, plan: KinectPlan) -> int:
    """The original file's start where it is known, else the first frame."""
    first = min(int(session.timestamps_us(stream.name)[0].min()) for stream in plan.streams.values())
    known = plan.device.start_offset_us
    return known if 0 < known <= first else first


def _in_time(session: Session, plan: KinectPlan) -> Iterator[tuple[int, str, int]]:
    """Device time, kind and index of every frame, in order."""
    queues = []
    for order, kind in enumerate(_kinds(plan)):
        times = session.timestamps_us(plan.streams[kind].name)[0]
        back = np.flatnonzero(np.diff(times) < 0)
        if len(back):
            k = int(back[0])
            raise CaptureError(
                f"{session.folder}: the clock of {plan.streams[kind].name} goes from {times[k]} to {times[k + 1]} us "
                f"at frame {k + 1} (a reset), which a Kinect's file cannot hold"
            )
        queues.append([(int(time), order, kind, index) for index, time in enumerate(times)])
    for time_us, _, kind, index in heapq.merge(*queues):
        yield time_us, kind, index


def _block(session: Session, stream: StreamInfo, index: int) -> bytes:
    assert stream.topic is not None
    data = session.recording(stream.file).read(stream.topic, index).data
    if stream.kind == "color":
        return data
    if stream.kind == "imu":
        values = _imu_values(json_of(data))
        if values is None:
            raise CaptureError(f"{session.folder}: sample {index} of {stream.name} is not a Kinect's; record it again")
        return values
    assert stream.height is not None
    assert stream.width is not None
    try:
        return depth_codec.decode(data, stream.height, stream.width).astype(">u2").tobytes()
    except CaptureError as error:
        raise CaptureError(f"{session.folder}: frame {index} of {stream.name}: {error}") from None


def _imu_values(sample: Any) -> bytes | None:
    """`matroska_imu_sample_t`, or None for what is not a Kinect's sample."""
    try:
        acc, gyro = sample["acc_mss"], sample["gyro_rads"]
        return IMU_SAMPLE.pack(1000 * int(sample["acc_us"]), *acc, 1000 * int(sample["gyro_us"]), *gyro)
    except (KeyError, TypeError, ValueError, OverflowError, struct.error):
        return None


def _calibration(session: Session, plan: KinectPlan, cameras: Mapping[str, Camera]) -> tuple[bytes, list[str]]:
    """The factory calibration, or one made from the cameras."""
    name = plan.device.name
    for stream in plan.streams.values():
        attached = session.recording(stream.file).attachments.get(f"{name}/{CALIBRATION}")
        if attached:
            return attached, []
    depth = cameras.get(f"{name}/depth") or cameras.get(f"{name}/ir") if {"depth", "ir"} & plan.streams.keys() else None
    color = cameras.get(f"{name}/color") if "color" in plan.streams else None
    known = color or depth
    if known is None:
        raise CaptureError(
            f"{session.folder}: no factory calibration and no camera of {name}; import it with a calibration, or run: "
            f"humanrig reconstruct {session.folder} --only calibrate"
        )
    notes = [f"{name}: the calibration in the file is made from the session's cameras, not the device's own"]
    if color is None or depth is None:
        notes.append(f"{name}: it has no {'colour' if color is None else 'depth'} camera, a nominal one stands in")
    depth_camera = depth or _nominal(known, DEPTH_MODES["NFOV_UNBINNED"], 504.0)
    color_camera = color or _nominal(known, COLOR_MODES["720P"], 608.0)
    return calibration_json(depth_camera, color_camera, plan.device.serial or "000000000000").encode(), notes


def _nominal(beside: Camera, mode: SensorMode, focal_px: float) -> Camera:
    """A camera at the other's place."""
    K = np.array([[focal_px, 0, mode.width / 2 - 0.5], [0, focal_px, mode.height / 2 - 0.5], [0, 0, 1]])
    return Camera(name="nominal", K=K, width=mode.width, height=mode.height, T_world_camera=beside.T_world_camera)
