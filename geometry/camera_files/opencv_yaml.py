"""OpenCV's YAML (FileStorage): a rig in one file, one camera, or the pair of the stereo sample.

Rotation and translation take world to camera coordinates, OpenCV axes; the stereo sample's R and T take the first
camera's coordinates to the second's. OpenCV states no unit; a rig that we write says metres under `unit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from geometry.camera_files.cameras_json import DISTORTION_ORDER, OTHER_WORLD, WORLD, CameraFile
from geometry.camera_files.reading import add_camera, check_unit, lens_numbers, numbers, part, rotation, stream_name
from geometry.camera_files.writing import write_text
from geometry.camera_files.yaml_reading import read_yaml
from geometry.errors import GeometryError
from geometry.rigid import inverse, rigid

_K_KEYS = ("camera_matrix", "K", "cameraMatrix", "CameraMatrix", "Camera_Matrix", "intrinsic_matrix", "M1")
_LENS_KEYS = (
    "distortion_coefficients",
    "dist",
    "distCoeffs",
    "Distortion_Coefficients",
    "dist_coeffs",
    "distortion",
    "D",
    "D1",
)
_UNITS = {"metre": 1.0, "millimetre": 1e-3}
_DIRECTION = "p_camera = rotation @ p_world + translation"


def is_opencv(content: Mapping[str, Any]) -> bool:
    """Whether a YAML file's keys are those of one of the three."""
    listed = content.get("cameras")
    if isinstance(listed, list):
        return any(isinstance(entry, dict) and "camera_matrix" in entry for entry in listed)
    return any(key in content for key in _K_KEYS)


def read_opencv(path: Path | str, unit_m: float | None = None, size: tuple[int, int] | None = None) -> CameraFile:
    """The cameras of a rig, a pair or one camera; one camera has no place in the world.

    The pair's cameras are `left/color` and `right/color`; its R and T may stand in `extrinsics.yml` beside it, as the
    stereo sample writes them. One camera is named as its file. `size` is the image's width and height, for files that
    do not say; `unit_m` the file's unit in metres. Raises GeometryError when something is missing or damaged.
    """
    content = read_yaml(path)
    if isinstance(content.get("cameras"), list):
        return _rig(content, path, unit_m, size)
    if "M1" in content:
        return _stereo(content, path, unit_m or 1.0, size)
    name = part(content, "camera_name", str(path)) if "camera_name" in content else Path(path).stem
    camera = _lens(content, stream_name(str(name)), size, str(path))
    return CameraFile(
        cameras={camera.name: camera},
        unplaced=frozenset([camera.name]),
        source=f"OpenCV, one camera: {Path(path).name}",
        is_upright=False,
    )


def write_opencv(path: Path | str, cameras: Mapping[str, Camera], *, is_upright: bool = True) -> None:
    """Writes a rig that `cv2.FileStorage` reads: `cameras` is a list of maps."""
    lines = [
        "%YAML:1.0",
        "---",
        f"# {_DIRECTION}; OpenCV axes: x right, y down, z forward; pixel centres at integers",
        f'direction: "{_DIRECTION}"',
        'unit: "metre"',
        f'world: "{WORLD if is_upright else OTHER_WORLD}"',
        f'distortion_order: "{DISTORTION_ORDER}"',
        "cameras:",
    ]
    for camera in cameras.values():
        T = camera.T_camera_world
        lines += [
            "  -",
            f'    name: "{camera.name}"',
            f"    image_width: {camera.width}",
            f"    image_height: {camera.height}",
            *_matrix("camera_matrix", camera.K),
            *_matrix("distortion_coefficients", camera.distortion[:, None]),
            *_matrix("rotation", T[:3, :3]),
            *_matrix("translation", T[:3, 3:]),
        ]
        if np.isfinite(camera.metric_radius):
            lines.append(f"    metric_radius: {float(camera.metric_radius)!r}")
    write_text(path, "\n".join(lines) + "\n")


def matrix_lines(key: str, values: Float[np.ndarray, "_ _"], indent: str = "") -> list[str]:
    """A matrix as FileStorage writes it; every digit is kept."""
    rows, columns = values.shape
    data = ", ".join(repr(float(value)) for value in values.ravel())
    inner = [f"rows: {rows}", f"cols: {columns}", "dt: d", f"data: [ {data} ]"]
    return [f"{indent}{key}: !!opencv-matrix", *(f"{indent}   {line}" for line in inner)]


def _matrix(key: str, values: np.ndarray) -> list[str]:
    return matrix_lines(key, values, "    ")


def _rig(
    content: Mapping[str, Any], path: Path | str, unit_m: float | None, size: tuple[int, int] | None
) -> CameraFile:
    unit = str(content.get("unit", "metre"))
    if unit_m is None and unit not in _UNITS:
        raise GeometryError(f"{path}: 'unit' is {unit!r}, expected one of {', '.join(_UNITS)}; or pass --unit-m")
    scale = _UNITS[unit] if unit_m is None else unit_m
    cameras: dict[str, Camera] = {}
    for index, entry in enumerate(content["cameras"]):
        place = f"{path}: camera {index}"
        name = str(part(entry, "name", place))
        camera = _lens(entry, name if "/" in name else stream_name(name), size, f"{place} ('{name}')")
        T_camera_world = rigid(rotation(entry, "rotation", place), numbers(entry, "translation", (3,), place) * scale)
        add_camera(cameras, camera.at(inverse(T_camera_world)), path)
    if not cameras:
        raise GeometryError(f"{path}: holds no camera; export the calibration again")
    check_unit(cameras, path)
    return CameraFile(
        cameras=cameras,
        unplaced=frozenset(),
        source=f"OpenCV: {Path(path).name}",
        is_upright=content.get("world") == WORLD,
    )


def _stereo(content: Mapping[str, Any], path: Path | str, scale: float, size: tuple[int, int] | None) -> CameraFile:
    """Both cameras in the first one's frame."""
    placing, where = content, path
    if "R" not in content and (beside := Path(path).with_name("extrinsics.yml")).is_file():
        placing, where = read_yaml(beside), beside
    cameras: dict[str, Camera] = {}
    for number, side in ((1, "left"), (2, "right")):
        lens = {"camera_matrix": part(content, f"M{number}", str(path)), "dist": content.get(f"D{number}")}
        size_keys = {key: content[key] for key in ("image_width", "image_height", "img_size") if key in content}
        cameras[f"{side}/color"] = _lens(lens | size_keys, f"{side}/color", size, f"{path}: M{number}")
    if "R" not in placing:
        raise GeometryError(f"{path}: R and T of the pair are missing; put extrinsics.yml beside it")
    T_right_left = rigid(rotation(placing, "R", str(where)), numbers(placing, "T", (3,), str(where)) * scale)
    cameras["right/color"] = cameras["right/color"].at(inverse(T_right_left))
    check_unit(cameras, where)
    return CameraFile(
        cameras=cameras, unplaced=frozenset(), source=f"OpenCV stereo pair: {Path(path).name}", is_upright=False
    )


def _lens(content: Mapping[str, Any], name: str, size: tuple[int, int] | None, place: str) -> Camera:
    K_key = next((key for key in _K_KEYS if key in content), "camera_matrix")
    lens_key = next((key for key in _LENS_KEYS if content.get(key) is not None), None)
    if str(content.get("distortion_model", "")) in ("fisheye", "equidistant", "kannala_brandt"):
        raise GeometryError(f"{place}: fisheye cameras are not supported; calibrate with OpenCV's standard model")
    width, height = _size(content, size, place)
    return Camera(
        name=name,
        K=numbers(content, K_key, (3, 3), place),
        width=width,
        height=height,
        distortion=np.zeros(8) if lens_key is None else lens_numbers(content[lens_key], place),
        metric_radius=float(numbers(content, "metric_radius", (), place)) if "metric_radius" in content else np.inf,
    )


def _size(content: Mapping[str, Any], size: tuple[int, int] | None, place: str) -> tuple[int, int]:
    for keys in (("image_width", "image_height"), ("image_Width", "image_Height"), ("width", "height")):
        if all(key in content for key in keys):
            return int(numbers(content, keys[0], (), place)), int(numbers(content, keys[1], (), place))
    for key in ("img_size", "image_size", "size", "resolution"):
        if key in content:
            width, height = numbers(content, key, (2,), place)
            return int(width), int(height)
    if size is None:
        raise GeometryError(f"{place}: does not say the image's size; pass it: --size 1920x1080")
    return size
