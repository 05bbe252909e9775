"""The phone of a HuMMan .smc: it stood on a mount, so it has one pose, and a lens that it tells with each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from capture.errors import CaptureError
from capture.importers.smc_file import SmcFile
from capture.importers.source_stream import SourceStream, image_header
from capture.iphone.message import PhoneMessage
from geometry.camera import Camera
from geometry.camera_files.reading import numbers
from geometry.rigid import rigid

RATE_HZ = 60.0
NOTE_OF_PHONE = "times from frame numbers at 60 Hz on a clock of its own; it stood on a mount, so its pose is one"
TURNED = "the principal point is of a landscape image, the pictures are upright: not supported, turn them back first"


def phone_streams(file: SmcFile) -> list[SourceStream]:
    """Colour first, then depth and what the phone says of itself; none without a phone."""
    place = "iPhone/0"
    if not file.children(f"{place}/Color"):
        return []
    found = file.numbers(f"{place}/Color")
    encoding, width, height = image_header(file.color(f"{place}/Color/{found[0]}"), f"{file.path}: {place}/Color")
    streams = [SourceStream(
        name="iphone/color", kind="color", encoding=encoding, rate_hz=RATE_HZ, numbers=found, width=width,
        height=height, read=file.color_reader(f"{place}/Color"),
    )]  # fmt: skip
    if file.children(f"{place}/Depth"):
        found = file.numbers(f"{place}/Depth")
        height, width = file.depth(f"{place}/Depth/{found[0]}").shape
        streams.append(SourceStream(
            name="iphone/depth", kind="depth", encoding="dzp", rate_hz=RATE_HZ, numbers=found, width=width,
            height=height, read=file.depth_reader(f"{place}/Depth"),
        ))  # fmt: skip
    if file.children(f"{place}/CameraInfo") and file.children(f"{place}/Confidence"):
        streams.append(SourceStream(
            name="iphone/imu", kind="imu", encoding="json", rate_hz=RATE_HZ,
            numbers=file.numbers(f"{place}/CameraInfo"), read=partial(_phone_message, file),
        ))  # fmt: skip
    return streams


def _phone_message(file: SmcFile, number: int) -> bytes:
    """A still phone: its pose in its own axes is constant, and those of ARKit were not recorded."""
    info = file.text(f"iPhone/0/CameraInfo/{number}")
    return PhoneMessage(
        timestamp_s=float(info.get("timestamp", number / RATE_HZ)),
        K=_phone_K(file, number),
        T_arkit_camera=np.eye(4),
        confidence=file.mask(f"iPhone/0/Confidence/{number}"),
    ).encode()


def _phone_K(file: SmcFile, number: int) -> np.ndarray:
    place = f"iPhone/0/CameraInfo/{number}"
    return numbers(file.text(place), "cameraIntrinsics", (3, 3), f"{file.path}: {place}").T


def phone_cameras(file: SmcFile, streams: Sequence[SourceStream], poses: Any) -> dict[str, Camera]:
    """By the key that readers of SMC ask for, or the one that its description gives."""
    color = streams[0]
    keys = ("iPhone", str(2 * len([n for n in file.children("Kinect") if n.isdigit()])))
    key = next((k for k in keys if k in poses), keys[0])
    first = file.numbers("iPhone/0/CameraInfo")[0]
    camera = Camera(
        name=color.name,
        K=_phone_K(file, first),
        width=color.width or 0,
        height=color.height or 0,
        T_world_camera=pose_of(file, poses, key),
    )
    if camera.K[0, 2] > camera.width or camera.K[1, 2] > camera.height:
        raise CaptureError(f"{file.path}: iPhone/0: {TURNED}")
    cameras = {color.name: camera}
    for stream in streams[1:]:
        if stream.kind == "depth":
            cameras[stream.name] = replace(camera.resized(stream.width or 0, stream.height or 0), name=stream.name)
    return cameras


def pose_of(file: SmcFile, poses: Any, key: str) -> Float[np.ndarray, "4 4"]:
    """T_world_camera of a key of `Extrinsics`. Raises CaptureError or GeometryError when it is missing or odd."""
    place = f"{file.path}: Extrinsics"
    if not isinstance(poses, dict) or key not in poses:
        raise CaptureError(f"{place} has no camera '{key}'; write the file again")
    return rigid(
        numbers(poses[key], "R", (3, 3), f"{place} '{key}'"), numbers(poses[key], "T", (3,), f"{place} '{key}'")
    )
