"""Whether a colour camera stands where it is said to: edges in depth must fall on edges in its picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.rigid import inverse, transform

WIDTH = 320
EDGE_M = 0.1
"""A step in depth that is an edge of a thing."""
MIN_EDGES = 100
FITS, BETTER = 0.1, 0.03
"""Of correlation, the mean of some devices. Simulated with sensor noise, five takes: 0.25 to 0.34 for the right place,
0.08 to 0.15 for the place read the other way round."""


def edge_agreement(
    depth_m: Float32[np.ndarray, "_ _"], depth_camera: Camera, rgb: UInt8[np.ndarray, "_ _ 3"], color_camera: Camera
) -> float:
    """Correlation of depth's edges, seen from the colour camera, with the picture's; NaN with too few of either."""
    small = color_camera.resized(WIDTH, max(1, round(WIDTH * color_camera.height / color_camera.width)))
    points = depth_to_points(np.where(_is_edge(depth_m), depth_m, np.nan), depth_camera).reshape(-1, 3)
    points = points[np.isfinite(points).all(-1)]
    q = small.project_camera(transform(small.T_camera_world @ depth_camera.T_world_camera, points))
    q = np.rint(q[np.isfinite(q).all(-1)]).astype(int)
    q = q[(q >= 0).all(-1) & (q < [small.width, small.height]).all(-1)]
    if len(q) < MIN_EDGES:
        return float("nan")
    edges = np.zeros((small.height, small.width), np.float32)
    edges[q[:, 1], q[:, 0]] = 1.0
    edges = cv2.GaussianBlur(edges, (0, 0), 1.0)
    image = cv2.resize(rgb, (small.width, small.height), interpolation=cv2.INTER_AREA).astype(np.float32)
    gradient = np.hypot(cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1)).max(-1)
    gradient = cv2.GaussianBlur(np.sqrt(gradient), (0, 0), 1.0)
    if gradient.std() == 0:
        return float("nan")
    return float(np.corrcoef(edges.ravel(), gradient.ravel())[0, 1])


def judge_colors(
    images: Sequence[tuple[Float32[np.ndarray, "_ _"], Camera, UInt8[np.ndarray, "_ _ 3"], Camera]],
) -> str:
    """What (depth, its camera, picture, its camera) of some devices say of the colour cameras; empty without any."""
    pairs = []
    for depth, of_depth, rgb, of_color in images:
        here = edge_agreement(depth, of_depth, rgb, of_color)
        pairs.append((here, edge_agreement(depth, of_depth, rgb, mirrored(of_depth, of_color))))
    scores = np.array(pairs).reshape(-1, 2)
    scores = scores[np.isfinite(scores).all(-1)]
    if not len(scores):
        return ""
    here, other = scores.mean(0)
    found = f"depth's edges on the picture's, correlation {here:.2f}"
    if other > here + BETTER:
        return f"DOUBTFUL colour cameras: {found}, but {other:.2f} with their place beside depth the other way round"
    return f"colour cameras: {found}" + ("" if here >= FITS else ", too little to confirm them")


def mirrored(depth_camera: Camera, color_camera: Camera) -> Camera:
    """The colour camera if its place beside the depth camera were read the other way round."""
    T_depth_color = inverse(depth_camera.T_world_camera) @ color_camera.T_world_camera
    return color_camera.at(depth_camera.T_world_camera @ inverse(T_depth_color))


def _is_edge(depth_m: Float32[np.ndarray, "_ _"]) -> np.ndarray:
    """The nearer side of steps between neighbours."""
    edge = np.zeros(depth_m.shape, bool)
    with np.errstate(invalid="ignore"):
        for axis in (0, 1):
            step = np.diff(depth_m, axis=axis)
            first = [slice(None)] * 2
            second = [slice(None)] * 2
            first[axis], second[axis] = slice(None, -1), slice(1, None)
            edge[tuple(first)] |= step > EDGE_M
            edge[tuple(second)] |= step < -EDGE_M
    return edge
