"""Depth that a camera's sensor would measure of a staged moment, at the camera's own pinhole intrinsics."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, UInt16

from capture.virtual.baked_room import BakedRoom, pinhole_rays
from capture.virtual.depth_effects import DepthEffects
from capture.virtual.drawable import Drawable
from capture.virtual.iphone import DEPTH_SIZE
from capture.virtual.lidar_depth import LidarDepth
from capture.virtual.lidar_effects import LidarEffects
from capture.virtual.realsense import MODELS, RealSense
from capture.virtual.stereo_depth import StereoDepth
from capture.virtual.stereo_effects import StereoEffects
from capture.virtual.tof.sensor import TofSensor
from geometry.camera import Camera
from hps.synthesis.scenes.rows import CameraRow

DEPTH_UNIT_SEED: Final = 66
KINECT_MODE: Final = "NFOV_2X2BINNED"
"""The narrow mode that reaches farthest; its light fills a hexagon, as in the device."""
REALSENSE: Final = "D435"


class SensorDepth:
    """One camera's depth sensor in one room."""

    def __init__(self, row: CameraRow, room: BakedRoom, *, effects: bool = True) -> None:
        """Without `effects`, and for the sensor `pinhole`, depth is exact to the millimetre."""
        self._camera, self._phone = row.to_camera(), row.sensor == "iphone" and effects
        if self._phone:
            self._camera = self._camera.resized(*DEPTH_SIZE)
        self._size, self._rays = (row.width, row.height), pinhole_rays(self._camera)
        self._sensor = _sensor(row, self._camera) if effects else None
        self._samples = 1 if self._sensor is None else 2
        self._room = room.echo(self._camera, self._samples)

    def millimetres(self, drawable: Drawable, rng: np.random.Generator) -> UInt16[np.ndarray, "height width"]:
        """The depth image, 0 where it is missing. A phone's 256x192 pixels are spread over the picture."""
        if self._sensor is None:
            return np.rint(1000 * self._exact(drawable)).astype(np.uint16)
        depth, amplitude = (values.copy() for values in self._room)
        echo = drawable.echo(self._camera, self._rays)
        if echo is not None:
            window = tuple(slice(2 * part.start, 2 * part.stop) for part in echo.window)
            front = echo.depth < depth[window]
            np.copyto(depth[window], echo.depth, where=front)
            np.copyto(amplitude[window], echo.amplitude, where=front)
        if isinstance(self._sensor, LidarDepth):
            found = self._sensor.sense(depth, amplitude, rng).depth_mm
            return cv2.resize(found, self._size, interpolation=cv2.INTER_NEAREST)  # type: ignore[return-value]
        return self._sensor.sense(depth, amplitude, rng)

    def _exact(self, drawable: Drawable) -> Float32[np.ndarray, "height width"]:
        depth, centers = self._room[0].copy(), drawable.centers(self._camera, self._rays)
        if centers is not None:
            depth[centers.window] = np.minimum(depth[centers.window], centers.depth)
        return depth


def _sensor(row: CameraRow, camera: Camera) -> TofSensor | StereoDepth | LidarDepth | None:
    """The unit of a row; None for one without errors."""
    rng = np.random.default_rng([row.unit_seed, DEPTH_UNIT_SEED])
    if row.sensor == "kinect":
        return TofSensor(camera, KINECT_MODE, DepthEffects(), rng)
    if row.sensor == "realsense":
        unit = RealSense(model=REALSENSE, depth=camera, color=camera, baseline_m=MODELS[REALSENSE].baseline_m)
        return StereoDepth(unit, StereoEffects(), rng)
    return LidarDepth(LidarEffects(), rng) if row.sensor == "iphone" else None
