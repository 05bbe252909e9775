"""A person's points cut out of a depth image by a mask of the colour picture beside it."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.rigid import transform
from hps.errors import HpsError
from hps.points.person_cloud import PersonCloud

LOW, MEDIUM, HIGH = 0, 1, 2
"""ARKit's levels of confidence of a depth pixel (ARConfidenceLevel)."""
CORE_SHARE: Final = 0.25
"""The mask is shrunk by this part of its half width before the person's depth is read from it."""
REACH_M: Final = 1.0
"""Points whose depth is farther from the person's are the room's, seen beside the person or through a mask's error:
from the trunk, an arm reaches 0.8 m."""
MOST_POINTS: Final = 8192
"""Of a person that are kept: four times what the largest network looks at."""
THINNING_SEED: Final = 20261122


def person_points(
    depth_m: Float[np.ndarray, "rows columns"],
    depth_camera: Camera,
    color_camera: Camera,
    mask: Bool[np.ndarray, "height width"],
    *,
    confidence: UInt8[np.ndarray, "rows columns"] | None = None,
    least_confidence: int = MEDIUM,
    up: Float[np.ndarray, "3"] | None = None,
) -> PersonCloud:
    """Points of the depth image whose pixel in the colour picture is in the mask, in the colour camera's frame.

    depth_m: metres, NaN where missing. confidence: a phone's, of each depth pixel; less than `least_confidence` is left
    out. Points far from the depth of the mask's middle are the room's. up: against gravity, in the colour camera's
    frame. The cloud is empty where the mask has no depth. Raises GeometryError for a depth image of another size than
    its camera, HpsError for a mask or a confidence of another size.
    """
    if mask.shape != (color_camera.height, color_camera.width):
        raise HpsError(
            f"the mask has {mask.shape[1]}x{mask.shape[0]} pixels, the colour camera {color_camera.width}x"
            f"{color_camera.height}; give one of the colour picture's size"
        )
    if confidence is not None and confidence.shape != depth_m.shape:
        raise HpsError(
            f"the confidence has shape {confidence.shape}, depth {depth_m.shape}; give one value for each depth pixel"
        )
    shown = np.asarray(mask)
    p = depth_to_points(depth_m, depth_camera)
    told = np.isfinite(p[..., 2])
    if confidence is not None:
        told = told & (confidence >= least_confidence)
    T_color_depth = color_camera.T_camera_world @ depth_camera.T_world_camera
    p = transform(T_color_depth, p[told])
    q = color_camera.project_camera(p)
    at = np.where(np.isfinite(q), q, -1.0).round().astype(np.int64)
    inside = np.all((at >= 0) & (at < [color_camera.width, color_camera.height]), axis=1)
    at = np.where(inside[:, None], at, 0)
    on = inside & shown[at[:, 1], at[:, 0]]
    core = inside & _core(mask)[at[:, 1], at[:, 0]]
    if on.any():
        middle = float(np.median(p[core if core.any() else on, 2]))
        on &= np.abs(p[:, 2] - middle) < REACH_M
    found = p[on]
    if len(found) > MOST_POINTS:
        found = found[np.sort(np.random.default_rng(THINNING_SEED).choice(len(found), MOST_POINTS, replace=False))]
    return PersonCloud(points=found, camera=np.zeros(len(found), np.int64), origins=T_color_depth[None, :3, 3], up=up)


def _core(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """The part of the mask that is well inside it."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(inside > CORE_SHARE * float(inside.max()))
