"""The optics of one Azure Kinect: a production unit's factory calibration, varied a little for each virtual device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geometry.camera import Camera
from geometry.camera_files.azure_kinect import KinectCalibration, UnitCamera
from geometry.rigid import from_rotvec

# Factory calibration of the unit 001514394512: cx cy fx fy as parts of the sensor, k1 k2 p1 p2 k3 k4 k5 k6, and the
# transform from the depth to the colour camera, metres. Source: tests/assets/calibration.json of etiennedub/pyk4a
# (MIT). The metric radius of the colour camera is the SDK's value where the file says 0.
DEPTH_UNIT = UnitCamera(
    intrinsics=np.array([0.51296979, 0.51692355, 0.49278089, 0.49290284]),
    distortion=np.array(
        [0.54793978, -0.02097137, 2.0557534e-05, -7.2104158e-05, -0.00265223, 0.88967907, 0.08613021, -0.01391038]
    ),
    metric_radius=1.74,
    T_camera_device=np.eye(4),
)
COLOR_UNIT = UnitCamera(
    intrinsics=np.array([0.49984714, 0.50661761, 0.47796512, 0.63742393]),
    distortion=np.array(
        [0.33012131, -2.48939657, -0.00016178245, -0.00012944525, 1.45367086, 0.20891207, -2.3029151, 1.37512755]
    ),
    metric_radius=1.7,
    T_camera_device=from_rotvec(
        np.array([-0.08626702, -0.00049884, -0.0011617]), np.array([-0.03208343, -0.00220537, 0.00388369])
    ),
)

# How far units differ, one standard deviation: a summary of the four calibrations in the tests of the SDK and pyk4a.
CENTER_SPREAD = 0.002
FOCAL_SPREAD = 0.001
ROTATION_SPREAD = np.deg2rad(0.3)
TRANSLATION_SPREAD_M = 0.0002

# How far a factory calibration is off, one standard deviation. Assumed: no figure is published.
FACTORY_CENTER = 0.001
"""Of the sensor's size: 1.3 pixels of 1280."""
FACTORY_FOCAL = 0.0015
FACTORY_K1 = 0.001
FACTORY_ROTATION = np.deg2rad(0.05)
FACTORY_TRANSLATION_M = 0.0005


def draw_unit(index: int, rng: np.random.Generator) -> KinectCalibration:
    """A unit that differs from the published one as units differ; lens distortion stays that of the published unit."""
    turn = from_rotvec(rng.normal(0, ROTATION_SPREAD, 3), rng.normal(0, TRANSLATION_SPREAD_M, 3))
    return KinectCalibration(
        serial=f"0009000{index:05d}",
        depth=_vary(DEPTH_UNIT, DEPTH_UNIT.T_camera_device, rng),
        color=_vary(COLOR_UNIT, COLOR_UNIT.T_camera_device @ turn, rng),
    )


def factory_calibration(unit: KinectCalibration, scale: float, rng: np.random.Generator) -> KinectCalibration:
    """What the factory wrote into a unit: its optics with the errors of a calibration, `scale` times the usual ones."""
    turn = from_rotvec(rng.normal(0, scale * FACTORY_ROTATION, 3), rng.normal(0, scale * FACTORY_TRANSLATION_M, 3))
    depth, color = _measured(unit.depth, scale, rng), _measured(unit.color, scale, rng)
    color = replace(color, T_camera_device=color.T_camera_device @ turn)
    return KinectCalibration(serial=unit.serial, depth=depth, color=color)


def _measured(unit: UnitCamera, scale: float, rng: np.random.Generator) -> UnitCamera:
    error = np.concatenate(
        [rng.normal(0, scale * FACTORY_CENTER, 2), np.repeat(rng.normal(0, scale * FACTORY_FOCAL), 2)]
    )
    intrinsics = unit.intrinsics * np.array([1, 1, 1 + error[2], 1 + error[3]]) + np.array([*error[:2], 0, 0])
    distortion = unit.distortion + rng.normal(0, scale * FACTORY_K1) * np.eye(8)[0]
    return replace(unit, intrinsics=intrinsics, distortion=distortion)


def _vary(unit: UnitCamera, T_camera_device: np.ndarray, rng: np.random.Generator) -> UnitCamera:
    center = unit.intrinsics[:2] + rng.normal(0, CENTER_SPREAD, 2)
    focal = unit.intrinsics[2:] * (1 + rng.normal(0, FOCAL_SPREAD))
    return replace(unit, intrinsics=np.concatenate([center, focal]), T_camera_device=T_camera_device)


def place_unit(
    unit: KinectCalibration,
    device: str,
    T_world_color: np.ndarray | None,
    depth_mode: str = "NFOV_UNBINNED",
    color_resolution: str = "720P",
) -> tuple[Camera, Camera]:
    """Its depth camera and colour camera in some modes, the colour camera at a place in the world.

    None: at their places in the device, whose frame is the depth camera's.
    """
    depth = unit.depth_camera(depth_mode, f"{device}/depth")
    color = unit.color_camera(color_resolution, f"{device}/color")
    if T_world_color is None:
        return depth, color
    T_world_depth = T_world_color @ color.T_camera_world
    return depth.at(T_world_depth), color.at(T_world_color)
