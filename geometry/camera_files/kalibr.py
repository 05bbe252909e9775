"""Kalibr's camchain.yaml (Kalibr wiki, "yaml formats" and "supported models"): pinhole cameras in a chain.

T_cn_cnm1 takes the previous camera's coordinates to this camera's, metres; the first camera's frame is the world.
intrinsics are fu fv pu pv, radtan is k1 k2 p1 p2 of OpenCV; pixel centres are at integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geometry.camera import Camera
from geometry.camera_files.cameras_json import CameraFile
from geometry.camera_files.nearest_lens import nearest_radtan
from geometry.camera_files.reading import add_camera, check_unit, numbers, part, rotation, stream_name
from geometry.camera_files.writing import write_text
from geometry.camera_files.yaml_reading import read_yaml
from geometry.errors import GeometryError
from geometry.rigid import inverse, rigid

_ABOUT = (
    "# T_cn_cnm1: p_this = T_cn_cnm1 @ p_previous, metres; OpenCV axes: x right, y down, z forward",
    "# intrinsics: fu fv pu pv, pixel centres at integers; distortion_coeffs: k1 k2 p1 p2",
)


def is_kalibr(content: Mapping[str, Any]) -> bool:
    """Whether a YAML file's keys are a camera chain's."""
    return isinstance(content.get("cam0"), dict) and "camera_model" in content["cam0"]


def read_kalibr(path: Path | str, unit_m: float | None = None) -> CameraFile:
    """The cameras in the first one's frame, named after their topic: `/kinect_000/color/image_raw` is
    `kinect_000/color`, `/cam0/image_raw` is `cam0/color`.

    Raises GeometryError when a part is missing or damaged, when a link of the chain is missing, and on models other
    than pinhole with radtan or no distortion.
    """
    content = read_yaml(path)
    cameras: dict[str, Camera] = {}
    T_world_previous = np.eye(4)
    for index in range(len(content)):
        key = f"cam{index}"
        if key not in content:
            if any(other.startswith("cam") and other[3:].isdigit() and int(other[3:]) > index for other in content):
                raise GeometryError(f"{path}: the chain breaks at '{key}'; export it again")
            break
        entry, place = content[key], f"{path}: {key}"
        if index:
            T = numbers(entry, "T_cn_cnm1", (4, 4), place)
            R = rotation({"T_cn_cnm1": T[:3, :3]}, "T_cn_cnm1", place)
            T_this_previous = rigid(R, T[:3, 3] * (1.0 if unit_m is None else unit_m))
            T_world_previous = T_world_previous @ inverse(T_this_previous)
        add_camera(cameras, _camera(entry, key, T_world_previous, place), path)
    if not cameras:
        raise GeometryError(f"{path}: holds no camera 'cam0'; export the calibration again")
    check_unit(cameras, path)
    return CameraFile(cameras=cameras, unplaced=frozenset(), source=f"Kalibr: {Path(path).name}", is_upright=False)


def write_kalibr(path: Path | str, cameras: Mapping[str, Camera], *, is_upright: bool = True) -> tuple[str, ...]:
    """Writes a chain in the order of the cameras; returns what it could not hold.

    radtan has four numbers: another lens is replaced by the nearest that has no more, and how far that is, is returned.
    """
    lines, lost = [*_ABOUT], []
    if is_upright:
        lost.append("where the world is: a chain starts at its first camera")
    previous: Camera | None = None
    for index, camera in enumerate(cameras.values()):
        nearest = nearest_radtan(camera)
        if nearest.max_px > 0:
            lost.append(
                f"the lens of {camera.name}: 4 of its 8 numbers, fitted to {nearest.rms_px:.3f} px rms and "
                f"{nearest.max_px:.2f} px at the worst place of the image"
            )
        K, lens = nearest.camera.K, nearest.camera.distortion
        lines.append(f"cam{index}:")
        if previous is not None:
            lines.append("  T_cn_cnm1:")
            lines += [f"  - {_row(row)}" for row in camera.T_camera_world @ previous.T_world_camera]
        lines += [
            "  camera_model: pinhole",
            f"  distortion_coeffs: {_row(lens[:4])}",
            "  distortion_model: radtan",
            f"  intrinsics: {_row(np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]]))}",
            f"  resolution: [{camera.width}, {camera.height}]",
            f"  rostopic: /{camera.name}/image_raw",
        ]
        previous = camera
    write_text(path, "\n".join(lines) + "\n")
    return tuple(lost)


def _camera(entry: Any, key: str, T_world_camera: np.ndarray, place: str) -> Camera:
    if (model := part(entry, "camera_model", place)) != "pinhole":
        raise GeometryError(f"{place}: camera model '{model}' is not supported; calibrate with pinhole-radtan")
    model = part(entry, "distortion_model", place)
    if model not in ("radtan", "none"):
        raise GeometryError(f"{place}: distortion model '{model}' is not supported; calibrate with pinhole-radtan")
    fx, fy, cx, cy = numbers(entry, "intrinsics", (4,), place)
    lens = numbers(entry, "distortion_coeffs", (4,), place) if model == "radtan" else np.zeros(4)
    width, height = numbers(entry, "resolution", (2,), place).astype(int)
    topic = str(entry.get("rostopic") or key).strip("/").removesuffix("/image_raw")
    return Camera(
        name=stream_name(topic),
        K=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
        width=int(width),
        height=int(height),
        distortion=np.pad(lens, (0, 4)),
        T_world_camera=T_world_camera,
    )


def _row(values: np.ndarray) -> str:
    return "[" + ", ".join(repr(float(value)) for value in values) + "]"
