"""The depth sensor of one camera of a scene: which window it needs, and what it makes of exact depth there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from capture.virtual.baked_room import pinhole_rays
from capture.virtual.depth_effects import DepthEffects
from capture.virtual.iphone import DEPTH_SIZE
from capture.virtual.lidar_depth import MEDIUM, LidarDepth
from capture.virtual.lidar_effects import LidarEffects
from capture.virtual.realsense import MODELS, RealSense, place_realsense
from capture.virtual.stereo_depth import StereoDepth
from capture.virtual.stereo_effects import StereoEffects
from capture.virtual.tof.mixing import Mixer
from capture.virtual.tof.sensor import TofSensor, mixer_of
from capture.virtual.unit import draw_unit
from geometry.camera import Camera
from geometry.face_raster.face_image import Window
from geometry.rays import ray_table
from hps.errors import HpsError
from hps.synthesis.clouds.surroundings import Surroundings
from hps.synthesis.pictures.sensor_depth import DEPTH_UNIT_SEED, KINECT_MODE, REALSENSE
from hps.synthesis.scenes.rows import SENSORS, CameraRow

CameraKind = Literal["table", "device"]
DEVICE_MODE: Final = "NFOV_UNBINNED"
"""Of the Kinect's own optics."""
LEAST_CONFIDENCE: Final = MEDIUM
"""Depth of the phone that is less certain is left out, as ARKit's samples do."""
OPTICS_SEED: Final = 67
MARGIN_PX: Final = 12
"""Pixels of the window about people: the light that mixes at edges reaches 2 of them, and the window's outer half cell
of 20 pixels has less exact multi-path."""


class ViewSensor(ABC):
    """One camera with its sensor over a scene."""

    def __init__(self, camera: Camera) -> None:
        """`camera` is the one that measures."""
        self.camera = camera
        flat = not camera.distortion.any() and np.isinf(camera.metric_radius)
        self.rays: Float32[np.ndarray, "height width 2"] = (
            pinhole_rays(camera) if flat else ray_table(camera).astype(np.float32)
        )
        """x/z and y/z of pixel centres."""

    reach_px: int = 10
    """So far from people's pixels the scene is drawn: what a stereo camera grows and a phone smooths reaches 6."""

    def window(self, extent: Window, nearness: Float64[np.ndarray, "vertices"], mask_px: int) -> Window:
        """What must be drawn for people within `extent`; `nearness` is their vertices' 1/z, NaN where not drawn."""
        margin, (rows, columns) = MARGIN_PX + mask_px, extent
        return (
            _on_grid(rows, margin, self.camera.height, self.step_px),
            _on_grid(columns, margin, self.camera.width, self.step_px),
        )

    @property
    def step_px(self) -> int:
        """Windows begin and end at its multiples."""
        return 1

    def also_read(self, window: Window, near: UInt8[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "rows columns"]:
        """1 where the sensor needs people and things: within `near`, and farther off where it looks there too."""
        return near

    @abstractmethod
    def sense(
        self,
        window: Window,
        z_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        echo_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        rng: np.random.Generator,
    ) -> Float32[np.ndarray, "rows columns"]:
        """Depth of a window in metres, to the millimetre, NaN where it is missing; two by two samples a pixel in."""


class KinectView(ViewSensor):
    """A time-of-flight camera."""

    reach_px = 4
    """Light of an edge reaches 2 pixels, and a pixel reads its neighbour's depth."""

    def __init__(self, camera: Camera, unit_seed: int, surroundings: Surroundings, mode: str) -> None:
        """`unit_seed` draws the unit's own errors."""
        super().__init__(camera)
        rng = np.random.default_rng([unit_seed, DEPTH_UNIT_SEED])
        mixer = _mixer(camera.height, camera.width)
        self._sensor = TofSensor(camera, mode, DepthEffects(), rng, rays=self.rays, mixer=mixer)
        read = self._sensor.read_places()
        where = np.zeros((camera.height, camera.width), bool) if read is None else read
        self._beyond, self._read = surroundings.centers(camera, self.rays, where), where.astype(np.uint8)

    @property
    def step_px(self) -> int:
        """Of the grid on which light between surfaces is worked out."""
        return self._sensor.grid_px

    def also_read(self, window, near):
        """See ViewSensor: light comes to people by way of things."""
        return near | self._read[window]

    def sense(self, window, z_fine, echo_fine, rng):
        """See ViewSensor."""
        kept = [whole[window].copy() for whole in self._beyond]
        depth_mm = self._sensor.sense_window(window, z_fine, echo_fine, self._beyond, rng)
        for whole, part in zip(self._beyond, kept):
            whole[window] = part
        return _metres(depth_mm)


class StereoView(ViewSensor):
    """A stereo camera; the depth image is its left imager's."""

    def __init__(self, camera: Camera, unit_seed: int) -> None:
        """`unit_seed` draws the unit's own errors."""
        super().__init__(camera)
        self._unit_seed, self._baseline_m = unit_seed, MODELS[REALSENSE].baseline_m

    def window(self, extent: Window, nearness: Float64[np.ndarray, "vertices"], mask_px: int) -> Window:
        """Wider to the left by the greatest disparity, so that what is found there to be out of the right imager's
        sight only for the window's border is not near anybody."""
        rows, columns = super().window(extent, nearness, mask_px)
        nearest_m = max(1 / float(np.nanmax(nearness)), 0.1)
        disparity = int(np.ceil(self.camera.K[0, 0] * self._baseline_m / nearest_m))
        return rows, slice(max(columns.start - disparity, 0), columns.stop)

    def sense(self, window, z_fine, echo_fine, rng):
        """See ViewSensor."""
        part = cropped(self.camera, window)
        unit = RealSense(model=REALSENSE, depth=part, color=part, baseline_m=self._baseline_m)
        own = np.random.default_rng([self._unit_seed, DEPTH_UNIT_SEED])
        supply = (self.camera.height, self.camera.width)
        return _metres(StereoDepth(unit, StereoEffects(), own, supply).sense(z_fine, echo_fine, rng))


class LidarView(ViewSensor):
    """A phone's scanner, whose image is small: it is always drawn whole."""

    def __init__(self, camera: Camera, unit_seed: int) -> None:
        """`camera` has any size: it is made the scanner's. `unit_seed` draws the unit's own errors."""
        super().__init__(camera.resized(*DEPTH_SIZE))
        self._sensor = LidarDepth(LidarEffects(), np.random.default_rng([unit_seed, DEPTH_UNIT_SEED]))

    def window(self, extent: Window, nearness: Float64[np.ndarray, "vertices"], mask_px: int) -> Window:
        """The whole image."""
        return slice(0, self.camera.height), slice(0, self.camera.width)

    def sense(self, window, z_fine, echo_fine, rng):
        """See ViewSensor."""
        frame = self._sensor.sense(z_fine, echo_fine, rng)
        return _metres(np.where(frame.confidence >= LEAST_CONFIDENCE, frame.depth_mm, 0))


class ExactView(ViewSensor):
    """A camera without errors: the mean of each pixel's samples that lie on its nearest surface, unrounded."""

    def sense(self, window, z_fine, echo_fine, rng):
        """See ViewSensor. The cloud takes depth at pixel centres instead where people are."""
        nearest = np.minimum(
            np.minimum(z_fine[::2, ::2], z_fine[::2, 1::2]), np.minimum(z_fine[1::2, ::2], z_fine[1::2, 1::2])
        )
        return np.where(np.isfinite(nearest), nearest, np.float32(np.nan))


def open_view(row: CameraRow, kind: CameraKind, surroundings: Surroundings) -> ViewSensor:
    """The sensor of a camera row.

    table: it measures through the row's pinhole camera. device: through the optics of a unit of its kind drawn with
    the row's `unit_seed` (640x576 and lens distortion of a Kinect, 848x480 of a RealSense), at the row's place.
    Raises HpsError for a sensor that there is not.
    """
    camera, own = row.to_camera(), np.random.default_rng([row.unit_seed, OPTICS_SEED])
    if row.sensor == "kinect":
        if kind == "device":
            depth = draw_unit(0, own).depth_camera(DEVICE_MODE, camera.name)
            camera = depth.at(camera.T_world_camera)
        return KinectView(camera, row.unit_seed, surroundings, DEVICE_MODE if kind == "device" else KINECT_MODE)
    if row.sensor == "realsense":
        if kind == "device":
            camera = place_realsense(camera.name, camera.T_world_camera, model=REALSENSE, rng=own).depth
        return StereoView(camera, row.unit_seed)
    if row.sensor == "iphone":
        return LidarView(camera, row.unit_seed)
    if row.sensor == "pinhole":
        return ExactView(camera)
    raise HpsError(f"camera {row.name}: no sensor '{row.sensor}'; use one of {', '.join(SENSORS)}")


@lru_cache(maxsize=4)
def _mixer(height: int, width: int) -> Mixer:
    """One for all of a process's sensors of a size: they take turns."""
    return mixer_of(DepthEffects(), height, width)


def cropped(camera: Camera, window: Window) -> Camera:
    """The camera of a window of the image."""
    K = camera.K.copy()
    K[:2, 2] -= (window[1].start, window[0].start)
    return Camera(
        name=camera.name,
        K=K,
        width=window[1].stop - window[1].start,
        height=window[0].stop - window[0].start,
        T_world_camera=camera.T_world_camera,
        distortion=camera.distortion,
        metric_radius=camera.metric_radius,
    )


def _on_grid(part: slice, margin: int, high: int, step: int) -> slice:
    start = max(part.start - margin, 0) // step * step
    stop = min(-(-min(part.stop + margin, high) // step) * step, high)
    return slice(start, stop)


def _metres(depth_mm: np.ndarray) -> Float32[np.ndarray, "rows columns"]:
    depth = depth_mm.astype(np.float32)
    depth[depth == 0] = np.nan
    depth *= np.float32(1e-3)
    return depth
