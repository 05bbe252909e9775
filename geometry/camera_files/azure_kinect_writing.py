"""A raw Azure Kinect calibration for two cameras, as a device would send it (accepted by the official SDK)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from geometry.camera_files.azure_kinect import COLOR_PURPOSE, DEPTH_PURPOSE, MODEL
from geometry.camera_files.azure_kinect_modes import COLOR_MODES, DEPTH_MODES, SensorMode, mode_of

_IMU_ROTATION = [0, 0, -1, -1, 0, 0, 0, 1, 0]  # depth camera axes to IMU axes of the device, rounded


def calibration_json(depth_camera: Camera, color_camera: Camera, serial: str) -> str:
    """The JSON text; the modes follow from the image sizes, and the world the two cameras share is left out.

    A metric radius without bound is written as 0, which the SDK and our reader take as 1.7. Raises GeometryError when
    an image size belongs to no mode.
    """
    T_color_depth = color_camera.T_camera_world @ depth_camera.T_world_camera
    content = {
        "CalibrationInformation": {
            "Cameras": [
                _camera(depth_camera, mode_of(depth_camera, DEPTH_MODES), (1024, 1024), DEPTH_PURPOSE, "D0", np.eye(4)),
                _camera(
                    color_camera, mode_of(color_camera, COLOR_MODES), (4096, 3072), COLOR_PURPOSE, "PV0", T_color_depth
                ),
            ],
            "InertialSensors": [
                _inertial_sensor("Gyro", 16, [0.0, 0.0, 0.0]),
                _inertial_sensor("Accelerometer", 56, [-0.05, 0.004, 0.0015]),
            ],
            "Metadata": {
                "SerialId": serial,
                "FactoryCalDate": "1/1/2020 0:00:00 AM GMT",
                "Version": {"Major": 1, "Minor": 2},
                "DeviceName": "AzureKinect-PV",
                "Notes": "PV0_max_radius_invalid",
            },
        }
    }
    return json.dumps(content, allow_nan=False)


def _camera(
    camera: Camera,
    mode: SensorMode,
    sensor: tuple[int, int],
    purpose: str,
    location: str,
    T_camera_device: Float[np.ndarray, "4 4"],
) -> dict[str, Any]:
    K, d = camera.K, camera.distortion
    unit = [
        (K[0, 2] + mode.crop_x + 0.5) / mode.binned_width,
        (K[1, 2] + mode.crop_y + 0.5) / mode.binned_height,
        K[0, 0] / mode.binned_width,
        K[1, 1] / mode.binned_height,
    ]
    return {
        "Intrinsics": {
            "ModelParameterCount": 14,
            "ModelParameters": [float(v) for v in (*unit, d[0], d[1], *d[4:8], 0, 0, d[3], d[2])],
            "ModelType": MODEL,
        },
        "Location": f"CALIBRATION_CameraLocation{location}",
        "Purpose": purpose,
        "MetricRadius": float(camera.metric_radius) if np.isfinite(camera.metric_radius) else 0,
        "Rt": {"Rotation": T_camera_device[:3, :3].ravel().tolist(), "Translation": T_camera_device[:3, 3].tolist()},
        "SensorHeight": sensor[1],
        "SensorWidth": sensor[0],
        "Shutter": "CALIBRATION_ShutterTypeUndefined",
        "ThermalAdjustmentParams": {"Params": [0] * 12},
    }


def _inertial_sensor(kind: str, mask: int, translation: list[float]) -> dict[str, Any]:
    """An ideal inertial sensor: unit scale, no bias."""
    mixing = np.zeros((3, 3, 4))
    mixing[range(3), range(3), 0] = 1
    return {
        "BiasTemperatureModel": [0] * 12,
        "BiasUncertainty": [1e-4] * 3,
        "Id": "CALIBRATION_InertialSensorId_LSM6DSM",
        "MixingMatrixTemperatureModel": mixing.ravel().tolist(),
        "ModelTypeMask": mask,
        "Noise": [1e-3] * 3 + [0] * 3,
        "Rt": {"Rotation": _IMU_ROTATION, "Translation": translation},
        "SecondOrderScaling": [0] * 9,
        "SensorType": f"CALIBRATION_InertialSensorType_{kind}",
        "TemperatureBounds": [5, 60],
        "TemperatureC": 0,
    }
