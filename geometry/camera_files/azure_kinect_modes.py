"""The Azure Kinect's image modes: how each bins and crops the sensor (SDK, `mode_specific_calibration.c`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from geometry.camera import Camera
from geometry.errors import GeometryError


@dataclass(frozen=True, slots=True)
class SensorMode:
    """An image of `width` x `height` pixels cut from the binned sensor at (`crop_x`, `crop_y`)."""

    width: int
    height: int
    binned_width: int
    binned_height: int
    crop_x: int = 0
    crop_y: int = 0


DEPTH_MODES = {
    "NFOV_2X2BINNED": SensorMode(320, 288, 512, 512, 96, 90),
    "NFOV_UNBINNED": SensorMode(640, 576, 1024, 1024, 192, 180),
    "WFOV_2X2BINNED": SensorMode(512, 512, 512, 512),
    "WFOV_UNBINNED": SensorMode(1024, 1024, 1024, 1024),
    "PASSIVE_IR": SensorMode(1024, 1024, 1024, 1024),
}
COLOR_MODES = {
    "720P": SensorMode(1280, 720, 1280, 960, 0, 120),
    "1080P": SensorMode(1920, 1080, 1920, 1440, 0, 180),
    "1440P": SensorMode(2560, 1440, 2560, 1920, 0, 240),
    "1536P": SensorMode(2048, 1536, 2048, 1536),
    "2160P": SensorMode(3840, 2160, 3840, 2880, 0, 360),
    "3072P": SensorMode(4096, 3072, 4096, 3072),
}


def mode_of(camera: Camera, modes: dict[str, SensorMode]) -> SensorMode:
    """The mode that gives images of the camera's size. Raises GeometryError when none does."""
    for mode in modes.values():
        if (mode.width, mode.height) == (camera.width, camera.height):
            return mode
    raise GeometryError(f"camera '{camera.name}': no Azure Kinect mode gives {camera.width}x{camera.height} pixels")


def in_mode_of_size(camera: Camera, width: int, height: int, modes: dict[str, SensorMode]) -> Camera:
    """The same camera in the mode whose images have another size: a board seen in 1024x1024 passive infrared
    calibrates the 640x576 depth images. Raises GeometryError when either size is no mode's."""
    old, new = mode_of(camera, modes), mode_of(replace(camera, width=width, height=height), modes)
    scale = np.array([new.binned_width / old.binned_width, new.binned_height / old.binned_height])
    center = camera.K[:2, 2] + np.array([old.crop_x, old.crop_y]) + 0.5
    K = camera.K.copy()
    K[:2, :2] *= scale[:, None]
    K[:2, 2] = center * scale - np.array([new.crop_x, new.crop_y]) - 0.5
    return replace(camera, K=K, width=width, height=height)
