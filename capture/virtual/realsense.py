"""Virtual Intel RealSense units: intrinsics of the depth and the colour camera, and how they sit to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from capture.device import DeviceDescription, DeviceStream
from capture.session_info import DeviceInfo
from capture.virtual.unit import CENTER_SPREAD, FOCAL_SPREAD, ROTATION_SPREAD, TRANSLATION_SPREAD_M
from geometry.camera import Camera
from geometry.rigid import from_rotvec, inverse, rigid

Model = Literal["D435", "D455"]
DEPTH_SIZE, COLOR_SIZE = (848, 480), (1280, 720)
RATE_HZ = 30.0


@dataclass(frozen=True, kw_only=True, eq=False)
class StereoModel:
    """A model of the D400 family. Depth images are rectified and belong to the left imager: no distortion."""

    baseline_m: float
    """Between the two imagers. Source: product family datasheet 337029."""
    min_depth_m: float
    """Nearest depth at 848x480. Source: as above."""
    depth_px: tuple[float, float, float]
    """fx = fy, cx, cy at 848x480."""
    color_px: tuple[float, float, float, float]
    """fx, fy, cx, cy at 1280x720."""
    T_color_depth: Float[np.ndarray, "4 4"]


MODELS: dict[str, StereoModel] = {
    # Intrinsics as units report them: depth in librealsense issue 11511, colour in issue 7300 (whose coefficients of
    # distortion are zero); between them: orb_slam_2_ros issue 46, column by column as the SDK stores it.
    "D435": StereoModel(
        baseline_m=0.050,
        min_depth_m=0.195,
        depth_px=(427.2598, 422.3573, 233.8075),
        color_px=(918.6080, 915.9730, 631.3772, 356.6663),
        T_color_depth=rigid(
            np.array(
                [
                    [0.99997783, -0.0023921, 0.00621542],
                    [0.00240161, 0.99999595, -0.00152255],
                    [-0.00621175, 0.00153745, 0.99997950],
                ]
            ),
            np.array([0.0146, -0.00012, 0.00047]),
        ),
    ),
    # Colour and its place assumed to be those of the D555, which has the same imagers 95 mm apart (librealsense issue
    # 15609); depth assumed to have the D435's field of view, as the datasheet says (87 x 58 degrees for both).
    "D455": StereoModel(
        baseline_m=0.095,
        min_depth_m=0.35,
        depth_px=(427.2598, 422.3573, 233.8075),
        color_px=(644.3851, 643.4891, 631.7400, 359.4056),
        T_color_depth=from_rotvec(np.zeros(3), np.array([-0.05921, 0.0, 0.0])),
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class RealSense:
    """One unit at its place."""

    model: str
    depth: Camera
    color: Camera
    baseline_m: float

    def description(self) -> DeviceDescription:
        """The unit as a device; the cameras say how they sit to each other, not where the unit stands."""
        name = self.depth.name.rsplit("/", maxsplit=1)[0]
        T_depth_world = inverse(self.depth.T_world_camera)
        streams = (
            DeviceStream(
                name=self.color.name,
                kind="color",
                encoding="jpeg",
                rate_hz=RATE_HZ,
                width=self.color.width,
                height=self.color.height,
            ),
            DeviceStream(
                name=self.depth.name,
                kind="depth",
                encoding="dzp",
                rate_hz=RATE_HZ,
                width=self.depth.width,
                height=self.depth.height,
            ),
        )
        return DeviceDescription(
            info=DeviceInfo(name=name, model=f"virtual RealSense {self.model}", clock=name),
            streams=streams,
            cameras=tuple(c.at(T_depth_world @ c.T_world_camera) for c in (self.color, self.depth)),
        )


def place_realsense(
    name: str,
    T_world_depth: Float[np.ndarray, "4 4"],
    *,
    model: Model = "D435",
    rng: np.random.Generator | None = None,
) -> RealSense:
    """A unit whose depth camera stands at a place; with `rng` it differs from the published one as units differ (the
    spreads of the Azure Kinect's units, assumed for these)."""
    kind = MODELS[model]
    fx, *center = kind.depth_px
    color_fx, color_fy, *color_center = kind.color_px
    T_color_depth = kind.T_color_depth
    if rng is not None:
        turn = from_rotvec(rng.normal(0, ROTATION_SPREAD, 3), rng.normal(0, TRANSLATION_SPREAD_M, 3))
        T_color_depth = T_color_depth @ turn
    depth = Camera(
        name=f"{name}/depth",
        K=_intrinsics(fx, fx, center, DEPTH_SIZE, rng),
        width=DEPTH_SIZE[0],
        height=DEPTH_SIZE[1],
        T_world_camera=T_world_depth,
    )
    color = Camera(
        name=f"{name}/color",
        K=_intrinsics(color_fx, color_fy, color_center, COLOR_SIZE, rng),
        width=COLOR_SIZE[0],
        height=COLOR_SIZE[1],
        T_world_camera=T_world_depth @ inverse(T_color_depth),
    )
    return RealSense(model=model, depth=depth, color=color, baseline_m=kind.baseline_m)


def _intrinsics(
    fx: float, fy: float, center: list[float], size: tuple[int, int], rng: np.random.Generator | None
) -> np.ndarray:
    scale, shift = 1.0, np.zeros(2)
    if rng is not None:
        scale, shift = 1 + rng.normal(0, FOCAL_SPREAD), rng.normal(0, CENTER_SPREAD, 2) * size
    return np.array([[scale * fx, 0, center[0] + shift[0]], [0, scale * fy, center[1] + shift[1]], [0, 0, 1.0]])
