"""HuMMan's cameras.json: K, R, T of each camera, from world to camera, in metres (humman_toolbox, release v1.0).

Kinect N's cameras are `kinect_color_NNN` and `kinect_depth_NNN`; a phone is `iphone`, whose K is of its colour image.
The world is the frame of kinect_color_000 (y down). The file has neither image sizes nor lens distortion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geometry.camera import Camera
from geometry.camera_files.reading import file_bytes, numbers
from geometry.errors import GeometryError
from geometry.rigid import inverse, rigid

DIRECTION = "R and T taken as world to camera (x_camera = R x_world + T), metres, as the release describes them"
_KINECT = re.compile(r"kinect_(color|depth)_(\d+)")


def is_humman_cameras(path: Path | str) -> bool:
    """Whether a file has HuMMan's keys; False for anything that cannot be read."""
    try:
        content = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and any(_stream(str(key)) for key in content)


def read_humman_cameras(path: Path | str, sizes: Mapping[str, tuple[int, int]]) -> dict[str, Camera]:
    """The cameras of the streams in `sizes` (width, height), by stream name such as `kinect_000/depth`.

    `iphone/depth` gets the colour camera scaled to its size, edge upon edge. Raises GeometryError when the file is
    damaged, is not HuMMan's, or lacks the camera of a stream.
    """
    try:
        content: Any = json.loads(file_bytes(path))
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


def _stream(key: str) -> str | None:
    """The stream that a key's camera belongs to."""
    if key == "iphone":
        return "iphone/color"
    match = _KINECT.fullmatch(key)
    return f"kinect_{int(match[2]):03d}/{match[1]}" if match else None
