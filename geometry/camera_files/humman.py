"""HuMMan's cameras.json: K, R, T of each camera, from world to camera, in metres (humman_toolbox, release v1.0).

Kinect N's cameras are `kinect_color_NNN` and `kinect_depth_NNN`; a phone is `iphone`, whose K is of its colour image.
The world is the frame of kinect_color_000 (y down). The file has neither image sizes nor lens distortion.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geometry.camera import Camera
from geometry.camera_files.cameras_json import CameraFile
from geometry.camera_files.reading import check_unit, file_bytes, numbers
from geometry.camera_files.writing import write_json
from geometry.errors import GeometryError
from geometry.rigid import inverse, rigid
from geometry.told_values import json_of

DIRECTION = "R and T taken as world to camera (x_camera = R x_world + T), metres, as the release describes them"
SIZES = {"color": (1920, 1080), "depth": (640, 576), "iphone/color": (1920, 1440)}
"""The release's image sizes, which its camera file does not state (humman_toolbox, `visualizer_rgbd.py`)."""
_ABOUT = "R and T: x_camera = R x_world + T; metres; OpenCV axes: x right, y down, z forward; images undistorted to K"
_DEVICE = re.compile(r"kinect_\d{3}")
_KINECT = re.compile(r"kinect_(color|depth)_(\d+)")


def is_humman_cameras(path: Path | str) -> bool:
    """Whether a file has HuMMan's keys; False for anything that cannot be read."""
    try:
        content = json_of(Path(path).read_bytes())
    except (OSError, ValueError):
        return False
    return is_humman_content(content)


def is_humman_content(content: Any) -> bool:
    """Whether JSON has HuMMan's keys."""
    return isinstance(content, dict) and any(_stream(str(key)) for key in content)


def read_humman_cameras(path: Path | str, sizes: Mapping[str, tuple[int, int]]) -> dict[str, Camera]:
    """The cameras of the streams in `sizes` (width, height), by stream name such as `kinect_000/depth`.

    `iphone/depth` gets the colour camera scaled to its size, edge upon edge. Raises GeometryError when the file is
    damaged, is not HuMMan's, or lacks the camera of a stream.
    """
    try:
        content: Any = json_of(file_bytes(path))
    except ValueError as error:
        raise GeometryError(f"{path}: not a complete JSON file ({error}); copy it again") from error
    if not isinstance(content, dict):
        raise GeometryError(f"{path}: not HuMMan's cameras.json, which has a key for each camera")
    keys = {stream: str(key) for key in content if (stream := _stream(str(key)))}
    cameras: dict[str, Camera] = {}
    for stream, (width, height) in sizes.items():
        if stream == "iphone/depth" and stream not in keys:
            (color_width, color_height), key = sizes.get("iphone/color", (1920, 1440)), keys.get("iphone/color")
        else:
            (color_width, color_height), key = (width, height), keys.get(stream)
        if key is None:
            raise GeometryError(f"{path} has no camera for {stream}; it has {', '.join(map(str, content)) or 'none'}")
        place = f"{path}: {key}"
        R, T = numbers(content[key], "R", (3, 3), place), numbers(content[key], "T", (3,), place)
        camera = Camera(
            name=stream,
            K=numbers(content[key], "K", (3, 3), place),
            width=color_width,
            height=color_height,
            T_world_camera=inverse(rigid(R, T)),
        )
        cameras[stream] = camera if (color_width, color_height) == (width, height) else camera.resized(width, height)
    return cameras


def read_humman_file(path: Path | str, unit_m: float | None = None, size: tuple[int, int] | None = None) -> CameraFile:
    """Every camera of the file, for the release's image sizes or, of colour cameras, for `size`.

    Raises GeometryError as `read_humman_cameras` does, and when the places cannot be metres.
    """
    try:
        keys = list(json_of(file_bytes(path)))
    except (ValueError, TypeError) as error:
        raise GeometryError(f"{path}: not a complete JSON file ({error}); copy it again") from error
    sizes = {}
    for stream in filter(None, (_stream(str(key)) for key in keys)):
        default = SIZES.get(stream, SIZES[stream.rpartition("/")[2]])
        sizes[stream] = size if size is not None and stream.endswith("/color") else default
    cameras = read_humman_cameras(path, sizes)
    if unit_m is not None:
        for name, camera in cameras.items():
            cameras[name] = camera.at(rigid(camera.T_world_camera[:3, :3], camera.center * unit_m))
    check_unit(cameras, path)
    return CameraFile(
        cameras=cameras, unplaced=frozenset(), source=f"HuMMan: {Path(path).name}; {DIRECTION}", is_upright=False
    )


def write_humman(path: Path | str, cameras: Mapping[str, Camera], *, is_upright: bool = True) -> tuple[str, ...]:
    """Writes cameras in the frame of the first colour camera, as the release has it; returns what it could not hold.

    Devices get the numbers of their names where these are `kinect_NNN`, else 0, 1, … in order. The key `_about` states
    direction and unit. Raises GeometryError when no device has a colour or depth camera.
    """
    devices: dict[str, dict[str, Camera]] = defaultdict(dict)
    for name, camera in cameras.items():
        device, _, kind = name.partition("/")
        if kind in ("color", "depth"):
            devices[device][kind] = camera
    phone = devices.pop("iphone", {})
    if not devices:
        raise GeometryError(f"{path}: no colour or depth camera of a fixed device, which HuMMan's file is made of")
    numbered = all(_DEVICE.fullmatch(device) for device in devices)
    first = next((c["color"] for c in devices.values() if "color" in c), next(iter(cameras.values())))
    content: dict[str, Any] = {"_about": f"{_ABOUT}; the world is the frame of {first.name}"}
    names = []
    for index, (device, kinds) in enumerate(devices.items()):
        number = int(device[7:]) if numbered else index
        names.append(f"kinect_{number:03d} is {device}")
        for kind, camera in kinds.items():
            content[f"kinect_{kind}_{number:03d}"] = _entry(camera, first)
    if "color" in phone:
        content["iphone"] = _entry(phone["color"], first)
    write_json(path, content)
    lost = ["image sizes"] + ([] if not is_upright else ["which way is up: the world is now that of " + first.name])
    if bent := [name for name, camera in cameras.items() if camera.distortion.any()]:
        lost.append(f"the lens of {', '.join(bent)}: undistort their images to a pinhole with the same K")
    left_out = [n for n in cameras if n.partition("/")[2] not in ("color", "depth") or n == "iphone/depth"]
    lost += [f"the camera {name}: the format has no place for it" for name in left_out]
    return tuple(lost if numbered else [*lost, "the devices' names: " + ", ".join(names)])


def _entry(camera: Camera, first: Camera) -> dict[str, Any]:
    T = camera.T_camera_world @ first.T_world_camera
    return {"K": camera.K.tolist(), "R": T[:3, :3].tolist(), "T": T[:3, 3].tolist()}


def _stream(key: str) -> str | None:
    """The stream that a key's camera belongs to."""
    if key == "iphone":
        return "iphone/color"
    match = _KINECT.fullmatch(key)
    return f"kinect_{int(match[2]):03d}/{match[1]}" if match else None
