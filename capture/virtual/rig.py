"""A ring of virtual Azure Kinects around the origin, alternately high and low, as in the HuMMan recordings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.virtual.config import SimulationConfig
from capture.virtual.unit import draw_unit, factory_calibration, place_unit
from geometry.camera import Camera
from geometry.camera_files.azure_kinect import KinectCalibration
from geometry.rigid import from_rotvec, look_at

HEIGHTS_M = (1.5, 1.0)
TARGET_M = np.array([0.0, 0.0, 0.9])
PLACEMENT_SPREAD_M = 0.03
AIM_SPREAD = np.deg2rad(1.0)
PLACEMENT_SEED, UNIT_SEED, FACTORY_SEED = 2, 3, 5


@dataclass(frozen=True, kw_only=True, eq=False)
class VirtualDevice:
    """One device of the virtual rig: its optics and its place."""

    name: str
    unit: KinectCalibration
    depth: Camera
    color: Camera


def build_rig(config: SimulationConfig) -> tuple[VirtualDevice, ...]:
    """The devices `kinect_000`, `kinect_001`, … at equal angles; the colour cameras look at the ring's centre at 0.9 m.

    Each device draws its numbers from the seed and its own index: the units do not depend on how many there are, only
    the angles do.
    """
    return tuple(_device(index, config) for index in range(config.cameras))


def delivered_rig(config: SimulationConfig) -> tuple[VirtualDevice, ...]:
    """The same devices as their own calibrations describe them.

    The colour cameras stand where they do; without `placed` the cameras' poses are those in the device, whose frame is
    its depth camera's.
    """
    delivered = []
    for index, device in enumerate(build_rig(config)):
        unit = factory_calibration(device.unit, config.factory_error, _rng(config, FACTORY_SEED, index))
        place = device.color.T_world_camera if config.placed else None
        depth, color = place_unit(unit, device.name, place, config.depth_mode, config.color_resolution)
        delivered.append(VirtualDevice(name=device.name, unit=unit, depth=depth, color=color))
    return tuple(delivered)


def depth_delay_us(config: SimulationConfig, index: int) -> int:
    """How much later than the colour cameras the depth camera of a device exposes, microseconds."""
    return index * config.depth_stagger_us


def _device(index: int, config: SimulationConfig) -> VirtualDevice:
    name = f"kinect_{index:03d}"
    unit = draw_unit(index, _rng(config, UNIT_SEED, index))
    rng = _rng(config, PLACEMENT_SEED, index)
    angle = 2 * np.pi * index / config.cameras
    eye = np.array([config.radius_m * np.cos(angle), config.radius_m * np.sin(angle), HEIGHTS_M[index % 2]])
    eye = eye + config.placement_jitter * rng.normal(0, PLACEMENT_SPREAD_M, 3)
    aim = from_rotvec(config.placement_jitter * rng.normal(0, AIM_SPREAD, 3), np.zeros(3))
    depth, color = place_unit(unit, name, look_at(eye, TARGET_M) @ aim, config.depth_mode, config.color_resolution)
    return VirtualDevice(name=name, unit=unit, depth=depth, color=color)


def _rng(config: SimulationConfig, purpose: int, index: int) -> np.random.Generator:
    return np.random.default_rng([config.seed, purpose, index])
