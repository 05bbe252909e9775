"""A cloud with the body that a method found in it, drawn from where the camera stood and from the side."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8

from body.joints import PARENTS
from geometry.camera import Camera
from geometry.face_raster.vertex_normals import vertex_normals
from geometry.mesh import TriangleMesh
from geometry.rasterizer import Raster, rasterize_camera
from geometry.rigid import look_at, transform
from hps.points.canonical import canonical_frame
from hps.points.person_cloud import PersonCloud

WIDTH: Final = 240
HEIGHT: Final = 300
AWAY_M: Final = 12.0
"""The drawing's cameras stand so far away that near limbs do not look larger."""
MARGIN: Final = 1.12
SMALLEST_M: Final = 1.2
"""Height of the picture at the body, at least."""
DOT_PX: Final = 1
BODY: Final = np.array([128.0, 168.0, 214.0])
TRUTH: Final = (30, 140, 60)
IN_FRONT: Final = (196, 60, 28)
BEHIND: Final = (236, 178, 150)
BONES: Final = (40, 90, 160)
"""Colours: sRGB."""

Picture = UInt8[np.ndarray, "rows columns 3"]


def draw_case(
    cloud: PersonCloud,
    faces: Integer[np.ndarray, "faces 3"],
    *,
    vertices: Float[np.ndarray, "vertices 3"] | None,
    joints: Float[np.ndarray, "24 3"] | None,
    true_vertices: Float[np.ndarray, "vertices 3"] | None,
) -> Picture:
    """Two views side by side: as the first camera saw the person, and from that camera's right.

    The body is blue (bones where there is none), points are red, pale behind the body; the outline of the true body is
    green. A part of the cloud that is far from the bodies may lie outside the picture.
    """
    T = canonical_frame(cloud)
    points = transform(T, np.asarray(cloud.points, np.float64))
    bodies = [transform(T, np.asarray(v, np.float64)) for v in (vertices, true_vertices) if v is not None]
    skeleton = transform(T, np.asarray(joints, np.float64)) if joints is not None else None
    shown = np.concatenate([*bodies, *([skeleton] if skeleton is not None and not bodies else []), points[:0]])
    if not len(shown):
        shown = points
    low, high = shown.min(0), shown.max(0)
    middle, span = (low + high) / 2, max(SMALLEST_M, *(high - low)) * MARGIN
    predicted = bodies[0] if vertices is not None else None
    truth = bodies[-1] if true_vertices is not None else None
    views = [np.array([-1.0, 0, 0]), np.array([0, -1.0, 0])]
    return np.concatenate(
        [_view(_camera(middle, v, span), points, predicted, skeleton, truth, faces) for v in views], 1
    )


def _camera(middle: np.ndarray, toward: np.ndarray, span: float) -> Camera:
    focal = HEIGHT * AWAY_M / span
    return Camera(
        name="drawing",
        K=np.array([[focal, 0, WIDTH / 2 - 0.5], [0, focal, HEIGHT / 2 - 0.5], [0, 0, 1.0]]),
        width=WIDTH,
        height=HEIGHT,
        T_world_camera=look_at(middle + AWAY_M * toward, middle),
    )


def _view(
    camera: Camera,
    points: np.ndarray,
    body: np.ndarray | None,
    skeleton: np.ndarray | None,
    truth: np.ndarray | None,
    faces: np.ndarray,
) -> Picture:
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    depth = np.full((HEIGHT, WIDTH), np.inf)
    if body is not None:
        raster = rasterize_camera(TriangleMesh(vertices=body, faces=faces), camera)
        _shade(picture, raster, body, faces, camera)
        depth[raster.covered] = raster.depth[raster.covered]
    _dots(picture, camera, points, depth)
    if truth is not None:
        seen = rasterize_camera(TriangleMesh(vertices=truth, faces=faces), camera).covered
        _outline(picture, seen)
    if body is None and skeleton is not None:
        _bones(picture, camera.project(skeleton))
    return picture


def _shade(picture: np.ndarray, raster: Raster, body: np.ndarray, faces: np.ndarray, camera: Camera) -> None:
    normals = raster.interpolate(faces, vertex_normals(body, faces, np.float64))[raster.covered]
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    facing = np.clip(-(normals @ camera.T_world_camera[:3, 2]), 0, 1)
    picture[raster.covered] = np.clip((0.35 + 0.65 * facing[:, None]) * BODY, 0, 255).astype(np.uint8)


def _dots(picture: np.ndarray, camera: Camera, points: np.ndarray, depth: np.ndarray) -> None:
    """Those behind the body first, so that those in front lie over them."""
    z = transform(camera.T_camera_world, points)[:, 2]
    q = np.nan_to_num(camera.project(points), nan=-1e6).round().astype(np.int64)
    inside = (q >= 0).all(1) & (q < [WIDTH, HEIGHT]).all(1)
    q, z = q[inside], z[inside]
    behind = z > depth[q[:, 1], q[:, 0]]
    picture[q[behind, 1], q[behind, 0]] = BEHIND
    for x, y in q[~behind].tolist():
        cv2.circle(picture, (x, y), DOT_PX, IN_FRONT, -1)


def _outline(picture: np.ndarray, seen: Bool[np.ndarray, "rows columns"]) -> None:
    found, _ = cv2.findContours(seen.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, found, -1, TRUTH, 1, cv2.LINE_AA)


def _bones(picture: np.ndarray, q: Float[np.ndarray, "24 2"]) -> None:
    at = [tuple(int(v) for v in np.round(np.nan_to_num(place, nan=-1e4))) for place in q]
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            cv2.line(picture, at[parent], at[joint], BONES, 2, cv2.LINE_AA)
