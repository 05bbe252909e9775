"""What is known of a rig before its calibration: factory lenses, and how the cameras of a device lie to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from calibration.boards.sweep import camera_of
from calibration.bundle.problem import DevicePair, IntrinsicsPrior
from calibration.intrinsics.factory import device_kind, factory_prior
from calibration.rig import device_of
from capture.session import RECORDED_CAMERAS, Session
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_camera_file
from geometry.rigid import inverse

PAIR_SIGMA_RAD = np.deg2rad(0.1)
PAIR_SIGMA_M = 1e-3
"""How far a factory's placement of the depth camera beside the colour camera may be off. No factory publishes it.
Assumed: a tenth of a degree moves depth by 3.5 mm at 2 m, which is what fused clouds of uncalibrated units show."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FactoryRig:
    """Before anything is estimated."""

    cameras: Mapping[str, Camera]
    """Recorded cameras by stream; their poses in the world are not to be trusted."""
    pairs: tuple[DevicePair, ...]
    """Depth camera and colour camera of each device that has both."""
    priors: Mapping[str, IntrinsicsPrior]
    """By camera: what its factory's lens is worth."""
    source: str


def factory_rig(session: Session, names: frozenset[str]) -> FactoryRig:
    """What the recording says of these cameras; empty where it came without any.

    A depth camera that recorded passive infrared images alone is recorded under their name, and has that lens.
    """
    path = session.path(*RECORDED_CAMERAS)
    if not path.is_file():
        return FactoryRig(cameras={}, pairs=(), priors={}, source="the recording came without cameras")
    file = read_camera_file(path)
    seen = {camera_of(name): replace(camera, name=camera_of(name)) for name, camera in file.cameras.items()}
    cameras = {name: camera for name, camera in (seen | file.cameras).items() if name in names}
    models = {name: session.devices[device_of(name)].model for name in cameras}
    return factory_of(cameras, models, file.source)


def factory_of(cameras: Mapping[str, Camera], models: Mapping[str, str], source: str) -> FactoryRig:
    """The same of cameras whose poses are in the world or in their device; `models`: their devices', by camera."""
    priors = {name: factory_prior(camera, device_kind(models[name])) for name, camera in cameras.items()}
    return FactoryRig(cameras=cameras, pairs=_pairs(cameras), priors=priors, source=source)


def _pairs(cameras: Mapping[str, Camera]) -> tuple[DevicePair, ...]:
    """Recorded poses of one device compare with each other, whether they are in the world or in the device."""
    found = []
    for name, color in cameras.items():
        depth_name = f"{device_of(name)}/depth"
        if name.endswith("/color") and depth_name in cameras:
            T_color_depth = inverse(color.T_world_camera) @ cameras[depth_name].T_world_camera
            aligned = np.array_equal(T_color_depth, np.eye(4))  # depth that was drawn into the colour camera
            sigma_rad, sigma_m = (0.0, 0.0) if aligned else (PAIR_SIGMA_RAD, PAIR_SIGMA_M)
            found.append(DevicePair(a=name, b=depth_name, T_a_b=T_color_depth, sigma_rad=sigma_rad, sigma_m=sigma_m))
    return tuple(found)
