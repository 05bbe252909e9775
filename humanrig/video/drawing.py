"""Figures drawn into a picture: textured or in a colour, lit a little from above, smooth at their outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from geometry.camera import Camera
from geometry.face_raster.vertex_normals import vertex_normals
from geometry.mesh import joined
from geometry.rasterizer import rasterize_camera
from humanrig.video.figures import Figure, color_at

FINER = 2
"""Samples of a pixel along each side."""
LIGHT = np.array([0.35, 0.25, 0.9]) / np.linalg.norm([0.35, 0.25, 0.9])
"""Where the light comes from, in the world."""
_MARGIN_PX = 2


def draw_figures(
    picture: UInt8[np.ndarray, "rows columns 3"], camera: Camera, figures: Sequence[Figure]
) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture with the figures over it, the nearer before the farther."""
    if not figures:
        return picture
    whole = joined([figure.mesh for figure in figures])
    q = camera.project(whole.vertices)
    box = _box(q, camera)
    if box is None:
        return picture
    left, top, right, bottom = box
    shift = np.array([[0.0, 0, -left], [0, 0, -top], [0, 0, 0]])
    part = replace(camera, K=camera.K + shift, width=right - left, height=bottom - top)
    raster = rasterize_camera(whole, part.resized(FINER * part.width, FINER * part.height))
    seen = raster.covered
    face, bary = raster.face[seen], raster.bary[seen]
    normals = vertex_normals(whole.vertices, whole.faces, np.float64)
    facing = np.einsum("nk,nk->n", bary, (normals @ LIGHT)[whole.faces[face]])
    levels = np.zeros((len(face), 3), np.float32)
    first = 0
    for figure in figures:
        own = (face >= first) & (face < first + len(figure.mesh.faces))
        levels[own] = _lit(figure, face[own] - first, bary[own], facing[own])
        first += len(figure.mesh.faces)
    drawn = np.zeros((*seen.shape, 3), np.float32)
    drawn[seen] = levels
    size = part.width, part.height  # the area of FINER x FINER samples is their mean
    share = cv2.resize(seen.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    mean = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    result = picture.copy()
    inside = result[top:bottom, left:right]
    inside[:] = np.rint(np.clip(inside * (1 - share) + mean, 0, 255)).astype(np.uint8)
    return result


def _lit(
    figure: Figure, face: np.ndarray, bary: np.ndarray, facing: Float[np.ndarray, "points"]
) -> Float32[np.ndarray, "points 3"]:
    """A photograph already holds its light, and gets little more."""
    if figure.mesh.texture is not None:
        return color_at(figure.mesh, face, bary) * (0.9 + 0.12 * facing[:, None]).astype(np.float32)
    return np.array(figure.color, np.float32) * (0.6 + 0.4 * facing[:, None]).astype(np.float32)


def _box(q: Float[np.ndarray, "vertices 2"], camera: Camera) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the pixels that the vertices can touch; None where that is none."""
    known = q[np.isfinite(q).all(-1)]
    if not len(known):
        return None
    low = np.floor(known.min(0)).astype(int) - _MARGIN_PX
    high = np.ceil(known.max(0)).astype(int) + _MARGIN_PX + 1
    left, top = np.maximum(low, 0).tolist()
    right, bottom = np.minimum(high, [camera.width, camera.height]).tolist()
    return (left, top, right, bottom) if left < right and top < bottom else None
