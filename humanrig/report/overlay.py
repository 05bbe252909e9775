"""A body drawn over the camera's picture, so that an eye can judge the fit."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rigid import rotate

BODY_COLOR = np.array([255.0, 150.0, 70.0])
"""RGB, far from skin, floor and most clothes."""
OPACITY = 0.55
USED, UNUSED = (60, 220, 60), (230, 60, 60)


def draw_body(
    image: UInt8[np.ndarray, "rows columns 3"], camera: Camera, mesh: TriangleMesh, height: int = 640
) -> UInt8[np.ndarray, "small_rows small_columns 3"]:
    """The picture, scaled to a height, with the mesh shaded over it through the camera's lens model."""
    small_camera, picture = _scaled(image, camera, height)
    raster = rasterize_camera(mesh, small_camera)
    hit = raster.face >= 0
    normals = rotate(small_camera.T_camera_world, mesh.face_normals())
    facing = np.clip(-normals[raster.face[hit], 2], 0.0, 1.0)[:, None]
    shaded = BODY_COLOR * (0.35 + 0.65 * facing)
    picture = picture.astype(np.float64)
    picture[hit] = (1 - OPACITY) * picture[hit] + OPACITY * shaded
    return picture.astype(np.uint8)


def draw_points(
    picture: UInt8[np.ndarray, "rows columns 3"],
    q: Float[np.ndarray, "joints 2"],
    used: Bool[np.ndarray, "joints"],
    scale: float,
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Detections as dots: green where the triangulation used them, red where it did not."""
    picture = picture.copy()
    for point, good in zip(q * scale, used):
        if np.isfinite(point).all():
            centre = (round(float(point[0])), round(float(point[1])))
            cv2.circle(picture, centre, 3, USED if good else UNUSED, -1, cv2.LINE_AA)
    return picture


def label(picture: UInt8[np.ndarray, "rows columns 3"], text: str) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture with a caption in its top-left corner."""
    picture = picture.copy()
    for color, width in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(picture, text, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.55, color, width, cv2.LINE_AA)
    return picture


def montage(
    pictures: list[list[UInt8[np.ndarray, "rows columns 3"]]], gap: int = 4
) -> UInt8[np.ndarray, "all_rows all_columns 3"]:
    """Rows of pictures on one sheet; a smaller picture keeps its size in the top-left of its cell."""
    rows = [_beside(row, gap) for row in pictures]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, gap), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.concatenate(padded)[:-gap]


def _beside(row: list[np.ndarray], gap: int) -> np.ndarray:
    height = max(picture.shape[0] for picture in row)
    pads = [((0, height - p.shape[0]), (0, gap), (0, 0)) for p in row]
    return np.concatenate([np.pad(p, pad, constant_values=255) for p, pad in zip(row, pads)], 1)[:, :-gap]


def _scaled(image: np.ndarray, camera: Camera, height: int) -> tuple[Camera, np.ndarray]:
    width = round(image.shape[1] * height / image.shape[0])
    picture = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return camera.resized(width, height), picture
