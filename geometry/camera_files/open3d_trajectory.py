"""Open3D's camera files: PinholeCameraTrajectory, PinholeCameraParameters and PinholeCameraIntrinsic (JSON).

Matrices are written column by column; `extrinsic` takes world coordinates to the camera's (OpenCV axes). There is no
lens distortion, no unit and no statement of which way is up.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geometry.camera import Camera
from geometry.camera_files.reading import file_bytes, numbers, part
from geometry.errors import GeometryError
from geometry.rigid import inverse
from geometry.told_values import json_of

DIRECTION = "Open3D's extrinsic taken as world to camera, the length unit as metres, no lens distortion"


def is_open3d_cameras(path: Path | str) -> bool:
    """Whether a file is one of the three; False for anything that cannot be read."""
    try:
        content = json_of(Path(path).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and (
        str(content.get("class_name", "")).startswith("PinholeCamera") or "intrinsic_matrix" in content
    )


def read_open3d_cameras(path: Path | str, names: Sequence[str]) -> tuple[dict[str, Camera], bool]:
    """The cameras in the file's order under `names`, and whether the file says where they stand.

    Of a file of intrinsics alone all cameras get these, at the origin. Raises GeometryError when the file is damaged
    or holds another number of cameras than there are names.
    """
    try:
        content: Any = json_of(file_bytes(path))
    except ValueError as error:
        raise GeometryError(f"{path}: not a complete JSON file ({error}); write it again") from error
    if isinstance(content, dict) and "intrinsic_matrix" in content:
        return {name: _camera(name, content, None, str(path)) for name in names}, False
    kind = part(content, "class_name", str(path))
    listed = part(content, "parameters", str(path)) if kind == "PinholeCameraTrajectory" else [content]
    if not isinstance(listed, list) or len(listed) != len(names):
        found = len(listed) if isinstance(listed, list) else "no list of"
        raise GeometryError(
            f"{path} holds {found} cameras, the recording has {len(names)} ({', '.join(names)}); a fixed rig has one "
            "entry for each camera, in the order of their names (the trajectory of a moving camera is not supported)"
        )
    cameras = {}
    for index, (name, entry) in enumerate(zip(names, listed)):
        place = f"{path}: camera {index}"
        cameras[name] = _camera(name, part(entry, "intrinsic", place), entry, place)
    return cameras, True


def _camera(name: str, intrinsic: Any, entry: Any, place: str) -> Camera:
    camera = Camera(
        name=name,
        K=numbers(intrinsic, "intrinsic_matrix", (3, 3), place).T,
        width=int(numbers(intrinsic, "width", (), place)),
        height=int(numbers(intrinsic, "height", (), place)),
    )
    return camera if entry is None else camera.at(inverse(numbers(entry, "extrinsic", (4, 4), place).T))
