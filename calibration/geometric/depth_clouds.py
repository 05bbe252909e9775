"""What the depth cameras of a session saw inside the rig, as clouds in each camera's own frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float

from calibration.depth.applying import corrected_depth
from calibration.rig import RigCalibration
from calibration.workspace import Workspace, workspace
from capture.session import Session
from geometry.camera import Camera
from geometry.cloud import PointCloud
from geometry.depth import depth_to_points
from geometry.rigid import transform

EDGE_M = 0.04
"""A pixel whose 3x3 neighbours differ by more than this may mix two surfaces."""
ABOVE_FLOOR_M = 0.6
"""What is lower is left out: echoes by way of the floor lengthen it by 1 to 3 mm below 0.4 m (virtual rig), which tilts
all cameras alike. Ten instants of a walking person among ten cameras: 0.12° and 1.5 mm from the truth with 0.05 m,
0.05° and 1.4 mm with 0.6 m."""

BALL = 0.4
"""Radius of the ball as a part of the cameras' distance: 0.9 m of 2.3 m, which ends above the floor."""


def depth_clouds(
    session: Session, calibration: RigCalibration, instants: Sequence[int] | None = None, *, is_upright: bool = True
) -> dict[str, tuple[PointCloud, ...]]:
    """By depth camera one cloud for each instant, in the camera's own frame; empty where it has no frame.

    Depth errors that the calibration knows are taken off. Kept is what lies inside the rig's workspace and well above
    the floor, by the calibration as it is; in a world that is not upright, a ball about the point that the cameras look
    at. Raises CaptureError before the stage `sync`, or for a damaged frame.
    """
    chosen = [i for i in session.instants() if instants is None or i.instant in set(instants)]
    clouds: dict[str, tuple[PointCloud, ...]] = {}
    for name in (n for n in session.of_kind("depth") if n in calibration.cameras):
        camera, correction = calibration.cameras[name], calibration.depth_corrections.get(name)
        seen = []
        for instant in chosen:
            if not instant.has(name):
                seen.append(PointCloud(points=np.zeros((0, 3))))
                continue
            depth_m = session.frame(name, instant.index[name]).payload
            seen.append(inside_cloud(corrected_depth(depth_m, correction), camera, calibration, is_upright=is_upright))
        clouds[name] = tuple(seen)
    return clouds


def inside_cloud(
    depth_m: Float[np.ndarray, "height width"],
    camera: Camera,
    calibration: RigCalibration,
    *,
    is_upright: bool = True,
) -> PointCloud:
    """The points of one image that lie inside, in the camera's frame; pixels on depth edges are left out."""
    points = depth_to_points(depth_m, camera)
    space = workspace(calibration.cameras)
    p_world = transform(camera.T_world_camera, points)
    inside = space.contains(p_world, ABOVE_FLOOR_M) if is_upright else _in_ball(p_world, space, calibration)
    return PointCloud(points=points[np.isfinite(points[..., 2]) & ~_on_edge(depth_m) & inside])


def _in_ball(
    p_world: Float[np.ndarray, "*image 3"], space: Workspace, calibration: RigCalibration
) -> Bool[np.ndarray, "*image"]:
    centers = np.stack([camera.center for camera in calibration.cameras.values()])
    radius_m = BALL * float(np.median(np.linalg.norm(centers - space.center, axis=1)))
    return np.asarray(np.linalg.norm(p_world - space.center, axis=-1) <= radius_m)


def _on_edge(depth_m: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    kernel = np.ones((3, 3), np.uint8)
    known = np.isfinite(depth_m)
    farthest = cv2.dilate(np.where(known, depth_m, -1).astype(np.float32), kernel)
    nearest = cv2.erode(np.where(known, depth_m, 1e3).astype(np.float32), kernel)
    return farthest - nearest > EDGE_M
