"""A body drawn over the camera's picture, so that an eye can judge the fit."""

from __future__ import annotations

from dataclasses import replace

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
MARGIN = 0.12
"""Space around the body in a close-up, as a part of its height."""
ASPECT = 0.8
"""Width to height of a close-up."""
USED, UNUSED = (60, 220, 60), (230, 60, 60)


def closeup(
    image: UInt8[np.ndarray, "rows columns 3"], camera: Camera, mesh: TriangleMesh, height: int
) -> tuple[UInt8[np.ndarray, "small_rows small_columns 3"], Camera]:
    """The part of a picture around the mesh, scaled to a height, and its camera; the whole where it is out of view."""
    q = camera.project(np.asarray(mesh.vertices, np.float64))
    q = q[np.isfinite(q).all(-1)]
    shape = image.shape[:2]
    if len(q) and (q.max(0) > 0).all() and (q.min(0) < shape[::-1]).all():
        low, high = q.min(0), q.max(0)
        half = (0.5 + MARGIN) * max(high[1] - low[1], (high[0] - low[0]) / ASPECT) * np.array([ASPECT, 1.0])
        left, top = np.clip(np.floor((low + high) / 2 - half), 0, None).astype(int)
        right, bottom = np.clip(np.ceil((low + high) / 2 + half), 1, shape[::-1]).astype(int)
        image = np.ascontiguousarray(image[top:bottom, left:right])
        shift = np.array([[0.0, 0, -left], [0, 0, -top], [0, 0, 0]])
        camera = replace(camera, K=camera.K + shift, width=int(right - left), height=int(bottom - top))
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    picture = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8), camera.resized(width, height)


def draw_body(
    picture: UInt8[np.ndarray, "rows columns 3"],
    camera: Camera,
    mesh: TriangleMesh,
    color: Float[np.ndarray, "3"] = BODY_COLOR,
) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture with the mesh shaded over it in a colour (RGB)."""
    raster = rasterize_camera(mesh, camera)
    hit = raster.covered
    normals = rotate(camera.T_camera_world, mesh.face_normals())
    facing = np.clip(-normals[raster.face[hit], 2], 0.0, 1.0)[:, None]
    shaded = color * (0.35 + 0.65 * facing)
    drawn = picture.astype(np.float64)
    drawn[hit] = (1 - OPACITY) * drawn[hit] + OPACITY * shaded
    return drawn.astype(np.uint8)


def draw_points(
    picture: UInt8[np.ndarray, "rows columns 3"],
    q: Float[np.ndarray, "joints 2"],
    used: Bool[np.ndarray, "joints"],
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Pixels as dots: green where the triangulation used them, red where it did not."""
    picture = picture.copy()
    for point, good in zip(q, used):
        if np.isfinite(point).all():
            centre = (round(float(point[0])), round(float(point[1])))
            cv2.circle(picture, centre, 2, USED if good else UNUSED, -1, cv2.LINE_AA)
    return picture


def label(picture: UInt8[np.ndarray, "rows columns 3"], text: str) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture with a caption on a dark strip at its top."""
    picture = picture.copy()
    picture[:26] //= 3
    cv2.putText(picture, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


def montage(pictures: list[list[UInt8[np.ndarray, "_ _ 3"]]], gap: int = 4) -> UInt8[np.ndarray, "_ _ 3"]:
    """Rows and columns of pictures on one sheet; a smaller picture keeps its size in the top-left of its cell."""
    heights = [max(picture.shape[0] for picture in row) for row in pictures]
    columns = max(len(row) for row in pictures)
    widths = [max(row[column].shape[1] for row in pictures if column < len(row)) for column in range(columns)]
    starts = np.cumsum([0, *(width + gap for width in widths)])
    sheet = np.full((sum(heights) + gap * (len(heights) - 1), starts[-1] - gap, 3), 255, np.uint8)
    top = 0
    for row, height in zip(pictures, heights, strict=True):
        for picture, left in zip(row, starts):
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        top += height + gap
    return sheet
