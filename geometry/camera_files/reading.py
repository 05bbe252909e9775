"""Reading a camera file's parts with errors that name the file, the place and what was wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geometry.camera import Camera
from geometry.errors import GeometryError

ROUNDED = 1e-3
"""A rotation written with three decimals is this far from one; more is no rounding."""
KINDS = ("color", "depth", "ir")
"""Streams that have a camera."""
FARTHEST_M = 50.0
"""Cameras farther apart than this are taken for millimetres by mistake: no room of a capture rig is that large."""


def file_bytes(path: Path | str) -> bytes:
    """The whole file. Raises GeometryError when it is missing, empty or cannot be read."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise GeometryError(f"{path}: cannot read the camera file ({error.strerror})") from error
    if not content.strip():
        raise GeometryError(f"{path}: the camera file is empty; export it again")
    return content


def part(mapping: Mapping[str, Any], key: str, place: str) -> Any:
    """mapping[key]. Raises GeometryError that says where the key is missing."""
    if not isinstance(mapping, Mapping) or key not in mapping:
        raise GeometryError(f"{place}: '{key}' is missing")
    return mapping[key]


def numbers(mapping: Mapping[str, Any], key: str, shape: tuple[int, ...], place: str) -> np.ndarray:
    """mapping[key] as float64 of that shape; a column or row is a vector, and a flat list may stand for a matrix.

    Raises GeometryError on another shape or anything but finite numbers.
    """
    value = part(mapping, key, place)
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)
    known = array.squeeze().shape in (np.empty(shape).squeeze().shape, (array.size,))
    if array.size != np.prod(shape) or not known or not np.isfinite(array).all():
        size = "x".join(map(str, shape)) or "one"
        found = " ".join(str(value).split())[:80]
        raise GeometryError(f"{place}: '{key}' must be {size} finite number(s), found {found}")
    return array.reshape(shape)


def rotation(mapping: Mapping[str, Any], key: str, place: str) -> np.ndarray:
    """mapping[key], 3x3, as the nearest rotation to what was written with few decimals.

    Raises GeometryError where that is more than rounding: a mirrored, scaled or damaged matrix.
    """
    written = numbers(mapping, key, (3, 3), place)
    U, _, Vt = np.linalg.svd(written)
    R = U @ Vt
    if np.linalg.det(R) < 0 or np.abs(R - written).max() > ROUNDED:
        raise GeometryError(f"{place}: '{key}' is not a rotation matrix; export the calibration again")
    return written if np.abs(R - written).max() < 1e-9 else R


def stream_name(written: str) -> str:
    """The stream that another tool's name means: `kinect_000/color` also where a `-` or `.` stands for the slash, and
    `NAME/color` where the name says no kind of stream."""
    for mark in "/-.":
        device, _, kind = written.rpartition(mark)
        if device and kind in KINDS:
            return f"{device.replace('/', '_')}/{kind}"
    return f"{written.replace('/', '_')}/color"


def file_name(stream: str) -> str:
    """A stream's name where a slash is not allowed: `kinect_000-color`. `stream_name` turns it back."""
    return stream.replace("/", "-")


def add_camera(cameras: dict[str, Camera], camera: Camera, path: Path | str) -> None:
    """Puts a camera under its name. Raises GeometryError where that is taken."""
    if camera.name in cameras:
        raise GeometryError(f"{path}: two cameras are named '{camera.name}'; rename one")
    cameras[camera.name] = camera


def lens_numbers(values: Any, place: str) -> np.ndarray:
    """Distortion in OpenCV's order, filled up to k1 k2 p1 p2 k3 k4 k5 k6.

    Raises GeometryError on 9 numbers or more (thin prism, tilt) unless the further ones are 0, and on what is not
    numbers.
    """
    listed: list[Any] = [] if values is None else np.ravel(values).tolist()
    count = len(listed)
    given = numbers({"distortion": listed}, "distortion", (count,), place)
    if np.any(given[8:]):
        raise GeometryError(
            f"{place}: {count} distortion numbers, at most 8 are supported; calibrate without thin prism"
        )
    return np.pad(given[:8], (0, max(0, 8 - count)))


def check_unit(cameras: Mapping[str, Camera], path: Path | str, remedy: str = "pass the unit: --unit-m 0.001") -> None:
    """Raises GeometryError when the cameras are so far apart that the file cannot be in metres."""
    if not cameras:
        return
    apart = float(np.ptp(np.array([camera.center for camera in cameras.values()]), axis=0).max())
    if apart > FARTHEST_M:
        raise GeometryError(f"{path}: the cameras are {apart:.0f} m apart, so the file is not in metres; {remedy}")
