"""Our camera file, `cameras.json`: it states its direction, unit and world in words (docs/conventions.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from geometry.camera import Camera
from geometry.camera_files.reading import file_bytes, numbers, part
from geometry.camera_files.writing import write_json
from geometry.errors import GeometryError
from geometry.told_values import json_of

SCHEMA = 1
DIRECTION = "T_world_camera: p_world = T_world_camera @ p_camera"
UNIT = "metre"
WORLD = "z up, floor at z = 0"
OTHER_WORLD = "as in the source; z may not be up"
"""What a file says whose cameras came from a tool that does not tell which way is up."""
DISTORTION_ORDER = "k1 k2 p1 p2 k3 k4 k5 k6"
_WORLDS = (WORLD, OTHER_WORLD)
_KEYS = frozenset(("schema", "direction", "unit", "world", "source", "cameras"))
_CAMERA_KEYS = frozenset(
    ("name", "width", "height", "K", "distortion", "distortion_order", "metric_radius")
    + ("T_world_camera", "T_device_camera")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraFile:
    """What a camera file holds."""

    cameras: dict[str, Camera]
    """By name. Of a camera without a pose, T_world_camera is its place in its own device."""
    unplaced: frozenset[str]
    """Names of cameras whose pose in the world is not known."""
    source: str
    """Where the cameras came from."""
    is_upright: bool = True
    """Whether the file says that its world is z up with the floor at z = 0."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Other keys of the file, as they are: a solved rig's (`calibration.calibration_files`)."""
    camera_extra: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other keys of each camera's entry, by name; no entry where there is none."""


def read_cameras(path: Path | str) -> dict[str, Camera]:
    """Cameras by name, in the file's order. Raises GeometryError as `read_camera_file` does, and on a camera whose
    pose in the world is not known."""
    file = read_camera_file(path)
    if file.unplaced:
        raise GeometryError(
            f"{path}: no pose in the world for {', '.join(sorted(file.unplaced))}; bring a calibration of the rig"
        )
    return file.cameras


def read_camera_file(path: Path | str) -> CameraFile:
    """All that the file holds, cameras without a pose included.

    Raises GeometryError on a file that is missing, cut off or not ours; on a direction, unit or order of the
    distortion that is not ours; on a key that is missing; on numbers that cannot be a camera's.
    """
    try:
        content = json_of(file_bytes(path))
    except ValueError as error:
        raise GeometryError(f"{path}: not a complete JSON file ({error}); write it again") from error
    for key, expected in (("schema", (SCHEMA,)), ("direction", (DIRECTION,)), ("unit", (UNIT,)), ("world", _WORLDS)):
        if (found := part(content, key, str(path))) not in expected:
            raise GeometryError(f"{path}: '{key}' is {found!r}, expected {expected[0]!r}; convert the file")
    listed = part(content, "cameras", str(path))
    if not isinstance(listed, list):
        raise GeometryError(f"{path}: 'cameras' must be a list")
    cameras: dict[str, Camera] = {}
    camera_extra: dict[str, Mapping[str, Any]] = {}
    unplaced = set()
    for index, entry in enumerate(listed):
        camera, placed = _camera(entry, f"{path}: camera {index}")
        if camera.name in cameras:
            raise GeometryError(f"{path}: two cameras are named '{camera.name}'; rename one")
        cameras[camera.name] = camera
        if not placed:
            unplaced.add(camera.name)
        if more := {key: value for key, value in entry.items() if key not in _CAMERA_KEYS}:
            camera_extra[camera.name] = more
    return CameraFile(
        cameras=cameras,
        unplaced=frozenset(unplaced),
        source=str(content.get("source", "")),
        is_upright=content["world"] == WORLD,
        extra={key: value for key, value in content.items() if key not in _KEYS},
        camera_extra=camera_extra,
    )


def write_cameras(
    path: Path | str,
    cameras: Mapping[str, Camera] | Iterable[Camera],
    *,
    source: str,
    unplaced: Collection[str] = (),
    is_upright: bool = True,
    extra: Mapping[str, Any] | None = None,
    camera_extra: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Writes cameras so that a reader finds the old file or the new one, never a part of it.

    `unplaced` names cameras whose pose in the world is not known: their T_world_camera is written as
    `T_device_camera`. `is_upright` is False where nobody knows whether the world is z up. `extra` and `camera_extra`
    (by camera) are further keys, fit for JSON. Raises GeometryError when two cameras have one name, `unplaced` names
    none of them, or a further key is not JSON.
    """
    listed = list(cameras.values() if isinstance(cameras, Mapping) else cameras)
    names = [camera.name for camera in listed]
    if len(set(names)) < len(names):
        raise GeometryError(f"{path}: two cameras have one name among {names}; rename one")
    if not set(unplaced) <= set(names):
        raise GeometryError(f"{path}: no camera is named {sorted(set(unplaced) - set(names))}")
    more = camera_extra or {}
    content = {
        "schema": SCHEMA,
        "direction": DIRECTION,
        "unit": UNIT,
        "world": WORLD if is_upright else OTHER_WORLD,
        "source": source,
        **(extra or {}),
        "cameras": [_entry(camera, camera.name not in unplaced) | dict(more.get(camera.name, {})) for camera in listed],
    }
    try:
        write_json(path, content)
    except (TypeError, ValueError) as error:
        raise GeometryError(f"{path}: not written, for a value that JSON cannot hold ({error})") from error


def _camera(entry: Any, place: str) -> tuple[Camera, bool]:
    name = part(entry, "name", place)
    place = f"{place} ('{name}')"
    if (order := part(entry, "distortion_order", place)) != DISTORTION_ORDER:
        raise GeometryError(f"{place}: 'distortion_order' is {order!r}, expected {DISTORTION_ORDER!r}; reorder them")
    placed = part(entry, "T_world_camera", place) is not None
    has_bound = part(entry, "metric_radius", place) is not None
    camera = Camera(
        name=str(name),
        K=numbers(entry, "K", (3, 3), place),
        width=int(numbers(entry, "width", (), place)),
        height=int(numbers(entry, "height", (), place)),
        distortion=numbers(entry, "distortion", (8,), place),
        metric_radius=float(numbers(entry, "metric_radius", (), place)) if has_bound else float("inf"),
        T_world_camera=numbers(entry, "T_world_camera" if placed else "T_device_camera", (4, 4), place),
    )
    return camera, placed


def _entry(camera: Camera, placed: bool) -> dict[str, Any]:
    T = np.asarray(camera.T_world_camera, np.float64).tolist()
    return {
        "name": camera.name,
        "width": int(camera.width),
        "height": int(camera.height),
        "K": np.asarray(camera.K, np.float64).tolist(),
        "distortion": np.asarray(camera.distortion, np.float64).tolist(),
        "distortion_order": DISTORTION_ORDER,
        "metric_radius": float(camera.metric_radius) if np.isfinite(camera.metric_radius) else None,
        **({"T_world_camera": T} if placed else {"T_world_camera": None, "T_device_camera": T}),
    }
