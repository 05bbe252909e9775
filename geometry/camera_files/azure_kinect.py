"""The Azure Kinect's factory calibration (raw JSON, as in a .mkv attachment) and its cameras in each sensor mode.

The file's numbers are divided by the sensor's size and count from the corner of the first pixel; a mode bins and
crops the sensor (Azure Kinect SDK, `mode_specific_calibration.c`). Its frame is the depth camera's, metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from geometry.camera_files.azure_kinect_modes import COLOR_MODES, DEPTH_MODES, SensorMode
from geometry.camera_files.reading import file_bytes, numbers, part
from geometry.errors import GeometryError
from geometry.rigid import inverse, rigid
from geometry.told_values import json_of

MODEL = "CALIBRATION_LensDistortionModelBrownConrady"
DEPTH_PURPOSE, COLOR_PURPOSE = "CALIBRATION_CameraPurposeDepth", "CALIBRATION_CameraPurposePhotoVideo"
UNKNOWN_RADIUS = 1.7
"""Where the factory could not estimate the metric radius it wrote 0; the SDK then takes this (120° field of view)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class UnitCamera:
    """One camera of a device, for no mode yet."""

    intrinsics: Float[np.ndarray, "4"]
    """cx cy fx fy as parts of the sensor's width and height; (0, 0) is the first pixel's corner."""
    distortion: Float[np.ndarray, "8"]
    """k1 k2 p1 p2 k3 k4 k5 k6."""
    metric_radius: float
    T_camera_device: Float[np.ndarray, "4 4"]

    def camera(self, name: str, mode: SensorMode, T_device_depth: Float[np.ndarray, "4 4"]) -> Camera:
        """The camera in a mode; its world is the device's depth camera."""
        cx, cy, fx, fy = self.intrinsics * np.tile([mode.binned_width, mode.binned_height], 2)
        return Camera(
            name=name,
            K=np.array([[fx, 0, cx - mode.crop_x - 0.5], [0, fy, cy - mode.crop_y - 0.5], [0, 0, 1]]),
            width=mode.width,
            height=mode.height,
            distortion=self.distortion,
            metric_radius=self.metric_radius,
            T_world_camera=inverse(self.T_camera_device @ T_device_depth),
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KinectCalibration:
    """The factory calibration of one device."""

    serial: str
    depth: UnitCamera
    color: UnitCamera

    def depth_camera(self, mode: str, name: str = "depth") -> Camera:
        """The depth (and IR) camera at the origin. `mode` as `NFOV_UNBINNED`; GeometryError on an unknown one."""
        return self.depth.camera(name, _mode(mode, DEPTH_MODES), inverse(self.depth.T_camera_device))

    def color_camera(self, mode: str, name: str = "color") -> Camera:
        """The colour camera in the depth camera's frame. `mode` as `720P`; GeometryError on an unknown one."""
        return self.color.camera(name, _mode(mode, COLOR_MODES), inverse(self.depth.T_camera_device))


def read_kinect_calibration(path: Path | str) -> KinectCalibration:
    """The calibration in a file. Raises GeometryError as `parse_kinect_calibration` does."""
    return parse_kinect_calibration(file_bytes(path), str(path))


def parse_kinect_calibration(raw: bytes, source: str) -> KinectCalibration:
    """The calibration in the bytes of a file or attachment; `source` names it in errors.

    Accepts a byte-order mark, trailing NULs, a missing outer `CalibrationInformation`, and 16:9 colour calibrations of
    early devices. Raises GeometryError on anything cut off or missing, and on the lens model Rational6KT of
    pre-production devices, which has a centre of distortion that `Camera` cannot hold.
    """
    try:
        content = json_of(raw.decode("utf-8-sig").rstrip("\0 \r\n"))
    except ValueError as error:
        raise GeometryError(
            f"{source}: not a complete JSON calibration ({error}); read it from the device again"
        ) from error
    content = content.get("CalibrationInformation", content) if isinstance(content, dict) else {}
    listed = part(content, "Cameras", source)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise GeometryError(
            f"{source}: 'Cameras' must be a list of cameras; read the calibration from the device again"
        )
    by_purpose = {str(entry.get("Purpose")): entry for entry in listed}
    about = content.get("Metadata")
    return KinectCalibration(
        serial=str(about.get("SerialId", "")) if isinstance(about, dict) else "",
        depth=_unit_camera(part(by_purpose, DEPTH_PURPOSE, source), f"{source}: depth camera"),
        color=_unit_camera(part(by_purpose, COLOR_PURPOSE, source), f"{source}: colour camera"),
    )


def _unit_camera(entry: dict[str, Any], place: str) -> UnitCamera:
    intrinsics = part(entry, "Intrinsics", place)
    if (model := part(intrinsics, "ModelType", place)) != MODEL:
        raise GeometryError(f"{place}: lens model '{model}' is not supported; use a retail device (Brown–Conrady)")
    p = numbers(intrinsics, "ModelParameters", (14,), place)
    if p[10] or p[11]:
        raise GeometryError(f"{place}: centre of distortion ({p[10]}, {p[11]}) is not 0; use a retail device")
    width, height = (int(numbers(entry, key, (), place)) for key in ("SensorWidth", "SensorHeight"))
    unit = p[:4].copy()
    if width * 9 // 16 == height:  # calibrated on the middle 2304 rows of the 3072 that the sensor has
        unit[1], unit[3] = (unit[1] * 2304 + 384) / 3072, unit[3] * 2304 / 3072
    elif width not in (height, height * 4 // 3):
        raise GeometryError(f"{place}: sensor of {width}x{height} pixels is not an Azure Kinect's")
    rt = part(entry, "Rt", place)
    radius = float(numbers(entry, "MetricRadius", (), place))
    return UnitCamera(
        intrinsics=unit,
        distortion=np.array([p[4], p[5], p[13], p[12], *p[6:10]]),
        metric_radius=radius if radius > 1e-4 else UNKNOWN_RADIUS,
        T_camera_device=rigid(numbers(rt, "Rotation", (3, 3), place), numbers(rt, "Translation", (3,), place)),
    )


def _mode(name: str, modes: dict[str, SensorMode]) -> SensorMode:
    if name not in modes:
        raise GeometryError(f"Azure Kinect mode '{name}' is not one of {', '.join(modes)}")
    return modes[name]
