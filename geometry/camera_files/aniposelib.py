"""Camera groups of aniposelib (TOML), the exchange format of markerless tools (aniposelib 0.8.0, `cameras.py`).

A table for each camera: name, size [width, height], matrix, distortions (OpenCV's order), rotation (Rodrigues vector)
and translation, which take world coordinates to the camera's (OpenCV axes). The format states no unit; we write
metres, and say so under `metadata`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from scipy.spatial.transform import Rotation

from geometry.camera import Camera
from geometry.camera_files.cameras_json import OTHER_WORLD, WORLD, CameraFile
from geometry.camera_files.reading import add_camera, check_unit, file_bytes, numbers, part, stream_name
from geometry.camera_files.writing import write_text
from geometry.errors import GeometryError
from geometry.rigid import from_rotvec, inverse
from geometry.told_values import toml_of

UNIT = {"metre": 1.0, "millimetre": 1e-3}
_DIRECTION = "rotation and translation take world to camera coordinates"


def read_aniposelib(path: Path | str, unit_m: float | None = None) -> dict[str, Camera]:
    """The cameras of `read_aniposelib_file`."""
    return read_aniposelib_file(path, unit_m).cameras


def read_aniposelib_file(path: Path | str, unit_m: float | None = None) -> CameraFile:
    """Cameras by stream name (`NAME/color` where NAME has no slash), in a world that is the file's own, in metres.

    `unit_m` is the file's unit in metres (0.001 for millimetres); where it is None the file's `metadata.unit` counts
    ("metre", "millimetre"), else metres. Raises GeometryError on a file cut off, on missing or non-finite numbers, on
    a fisheye camera, and on cameras so far apart that the unit must be another.
    """
    try:
        content = toml_of(file_bytes(path).decode("utf-8-sig"))
    except ValueError as error:
        raise GeometryError(f"{path}: not a complete TOML file ({error}); export it again") from error
    metadata = content.pop("metadata", {})
    if not isinstance(metadata, dict):
        raise GeometryError(f"{path}: 'metadata' must be a table, found {str(metadata)[:80]}; export it again")
    unit = str(metadata.get("unit", "metre"))
    if unit_m is None and unit not in UNIT:
        raise GeometryError(f"{path}: metadata.unit is {unit!r}, expected one of {', '.join(UNIT)}")
    scale = UNIT[unit] if unit_m is None else unit_m
    if not content:
        raise GeometryError(f"{path}: holds no camera; export the calibration again")
    cameras: dict[str, Camera] = {}
    for key in sorted(content):
        add_camera(cameras, _camera(content[key], scale, f"{path}: [{key}]"), path)
    check_unit(cameras, path, 'add unit = "millimetre" under [metadata], or pass unit_m (--unit-m 0.001)')
    return CameraFile(
        cameras=cameras,
        unplaced=frozenset(),
        source=f"aniposelib: {Path(path).name}",
        is_upright=metadata.get("world") == WORLD,
    )


def write_aniposelib(
    path: Path | str, cameras: Mapping[str, Camera] | Iterable[Camera], *, is_upright: bool = True
) -> None:
    """Writes cameras in metres; aniposelib reads it, and our reader gets back `metric_radius` too."""
    content: dict[str, Any] = {}
    for index, camera in enumerate(cameras.values() if isinstance(cameras, Mapping) else cameras):
        T = camera.T_camera_world
        content[f"cam_{index:03d}"] = {
            "name": camera.name,
            "size": [int(camera.width), int(camera.height)],
            "matrix": np.asarray(camera.K, np.float64).tolist(),
            "distortions": np.asarray(camera.distortion, np.float64).tolist(),
            "rotation": Rotation.from_matrix(T[:3, :3]).as_rotvec().tolist(),
            "translation": T[:3, 3].tolist(),
            **({"metric_radius": float(camera.metric_radius)} if np.isfinite(camera.metric_radius) else {}),
        }
    world = WORLD if is_upright else OTHER_WORLD
    content["metadata"] = {"unit": "metre", "direction": _DIRECTION, "world": world}
    write_text(path, tomli_w.dumps(content))


def _camera(entry: Any, scale: float, place: str) -> Camera:
    name = str(part(entry, "name", place))
    place = f"{place} ('{name}')"
    if entry.get("fisheye"):
        raise GeometryError(f"{place}: fisheye cameras are not supported; calibrate with OpenCV's standard model")
    distortion = np.ravel(part(entry, "distortions", place))
    if len(distortion) > 8:
        raise GeometryError(f"{place}: {len(distortion)} distortion numbers, at most 8 are supported")
    width, height = numbers(entry, "size", (2,), place).astype(int)
    t = numbers(entry, "translation", (3,), place) * scale
    return Camera(
        name=name if "/" in name else stream_name(name),
        K=numbers(entry, "matrix", (3, 3), place),
        width=int(width),
        height=int(height),
        distortion=np.pad(numbers(entry, "distortions", (len(distortion),), place), (0, 8 - len(distortion))),
        metric_radius=float(entry.get("metric_radius", np.inf)),
        T_world_camera=inverse(from_rotvec(numbers(entry, "rotation", (3,), place), t)),
    )
