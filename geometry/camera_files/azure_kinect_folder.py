"""Factory calibrations of several Azure Kinects: a folder with DEVICE.json for each, or one such file.

A file holds one device's two cameras in the frame of its depth camera, metres; where the devices stand in the room it
does not say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geometry.camera import Camera
from geometry.camera_files.azure_kinect import KinectCalibration, read_kinect_calibration
from geometry.camera_files.azure_kinect_modes import COLOR_MODES, DEPTH_MODES, mode_of
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.camera_files.cameras_json import CameraFile
from geometry.camera_files.writing import write_text
from geometry.errors import GeometryError
from geometry.told_values import json_of

MODES = ("720P", "NFOV_UNBINNED")
"""Of colour and depth, where neither the file nor the caller says: the rig's own."""
_ABOUT = {
    "direction": "Rt: p_camera = Rotation @ p_reference + Translation; the reference is the depth camera",
    "unit": "metre; intrinsics as parts of the sensor's width and height",
}


def is_kinect_calibration(content: Any) -> bool:
    """Whether JSON is a device's raw calibration, with or without its outer key."""
    inner = content.get("CalibrationInformation", content) if isinstance(content, dict) else None
    listed = inner.get("Cameras") if isinstance(inner, dict) else None
    return isinstance(listed, list) and any(isinstance(c, dict) and "Purpose" in c for c in listed)


def read_kinects(path: Path | str, modes: tuple[str, str] | None = None) -> CameraFile:
    """The cameras `DEVICE/color` and `DEVICE/depth` of each file, none of them placed in the world.

    DEVICE is the file's name. `modes` are of colour and depth; else those that our writer noted, else MODES. Raises
    GeometryError when a file is damaged, a mode unknown, or a folder has no such file.
    """
    path = Path(path)
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    cameras: dict[str, Camera] = {}
    for file in files:
        calibration: KinectCalibration = read_kinect_calibration(file)
        color, depth = modes or _noted(file)
        for camera in (
            calibration.color_camera(color, f"{file.stem}/color"),
            calibration.depth_camera(depth, f"{file.stem}/depth"),
        ):
            cameras[camera.name] = camera
    if not cameras:
        raise GeometryError(f"{path}: holds no DEVICE.json of an Azure Kinect; export the calibrations again")
    return CameraFile(
        cameras=cameras,
        unplaced=frozenset(cameras),
        source=f"Azure Kinect factory calibration: {path.name}",
        is_upright=False,
    )


def write_kinects(folder: Path | str, cameras: Mapping[str, Camera]) -> tuple[str, ...]:
    """Writes DEVICE.json for each device with a colour and a depth camera; returns what could not be held.

    Raises GeometryError when no device has both, or an image size belongs to no mode.
    """
    devices = list(dict.fromkeys(name.partition("/")[0] for name in cameras))
    both = [d for d in devices if f"{d}/color" in cameras and f"{d}/depth" in cameras]
    if not both:
        raise GeometryError(f"{folder}: no device has a colour and a depth camera, which a Kinect's file needs")
    for device in both:
        color, depth = cameras[f"{device}/color"], cameras[f"{device}/depth"]
        content = json_of(calibration_json(depth, color, serial=device))
        named = {"color_mode": _name(color, COLOR_MODES), "depth_mode": _name(depth, DEPTH_MODES)}
        write_text(Path(folder) / f"{device}.json", json.dumps(content | {"about": _ABOUT | named}, indent=1) + "\n")
    lost = [f"where the device(s) {', '.join(both)} stand: a factory calibration knows its own two cameras alone"]
    left_out = [name for name in cameras if name not in {f"{d}/{kind}" for d in both for kind in ("color", "depth")}]
    return tuple(lost + [f"the camera {name}: its device has no colour and depth camera" for name in left_out])


def _noted(file: Path) -> tuple[str, str]:
    about = json_of(file.read_text("utf-8-sig").rstrip("\0 \r\n")).get("about")
    about = about if isinstance(about, dict) else {}
    return str(about.get("color_mode", MODES[0])), str(about.get("depth_mode", MODES[1]))


def _name(camera: Camera, modes: Mapping[str, Any]) -> str:
    mode = mode_of(camera, dict(modes))
    return next(name for name, other in modes.items() if other == mode)
