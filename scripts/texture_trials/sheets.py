"""Sheets of pictures in which surfaces and textures of a take can be looked at."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rigid import look_at
from humanrig.report.overlay import label, montage
from texture_trials.body_parts import PARTS, ROOM
from texture_trials.rerender import drawn
from texture_trials.single_instant import SingleInstant

Picture = UInt8[np.ndarray, "rows columns 3"]
DISTANCE_M = 2.6
SHAPE_SHADE = 0.75
"""How much of its light a surface without texture loses where it turns away."""
WRONG = (255, 0, 0)
UNSEEN = (40, 40, 40)
BACKGROUND = 255


def turntable(surface: TriangleMesh, texture: Picture | None, views: int, height: int) -> list[Picture]:
    """The surface from all around; grey and shaded without a texture."""
    middle = (surface.vertices.min(0) + surface.vertices.max(0)) / 2
    found = []
    for angle in np.linspace(0, 2 * np.pi, views, endpoint=False):
        camera = around(surface, middle, float(angle), height)
        found.append(shaped(surface, camera) if texture is None else on_white(surface, texture, camera))
    return found


def around(surface: TriangleMesh, middle: Float[np.ndarray, "3"], angle: float, height: int) -> Camera:
    """A camera without lens that looks at the middle from `DISTANCE_M` and fills its picture with the surface."""
    eye = middle + DISTANCE_M * np.array([np.cos(angle), np.sin(angle), 0.15])
    tall = float(np.ptp(surface.vertices[:, 2]))
    wide = 2.1 * float(np.linalg.norm(surface.vertices[:, :2] - middle[:2], axis=1).max())
    focal = 0.9 * height * (DISTANCE_M - wide / 2) / tall
    width = round(min(max(wide, 0.4 * tall) / tall, 1.2) * height)
    K = np.array([[focal, 0, width / 2 - 0.5], [0, focal, height / 2 - 0.5], [0, 0, 1]])
    return Camera(name="turntable", K=K, width=width, height=height, T_world_camera=look_at(eye, middle))


def on_white(surface: TriangleMesh, texture: Picture, camera: Camera) -> Picture:
    """The textured surface on white."""
    drawing = drawn(surface, texture, camera)
    picture = np.where(drawing.covered[..., None], 255 * drawing.image, BACKGROUND)
    return np.rint(picture).astype(np.uint8)


def shaped(surface: TriangleMesh, camera: Camera) -> Picture:
    """The surface's shape in grey; a surface that is inside out is dark."""
    raster = rasterize_camera(surface, camera)
    normals = surface.face_normals()[raster.face[raster.covered]]
    v = camera.center - surface.vertices[surface.faces[raster.face[raster.covered], 0]]
    cosine = (normals * v).sum(1) / np.linalg.norm(v, axis=1)
    picture = np.full((*raster.face.shape, 3), BACKGROUND, np.uint8)
    light = 235 * (1 - SHAPE_SHADE + SHAPE_SHADE * np.clip(cosine, 0, 1))
    picture[raster.covered] = np.where(cosine > 0, light, 30)[:, None].astype(np.uint8)
    return picture


def wrong_map(one: SingleInstant, painted: np.ndarray, wrong: np.ndarray) -> Picture:
    """A texture of the part that painted each texel, pale; red where it is the wrong one, dark where nobody painted."""
    colors = np.array([_pale(n) for n in range(len(PARTS))] + [UNSEEN], np.uint8)
    values = colors[np.where(painted < 0, len(PARTS), painted)]
    values[wrong] = WRONG
    return one.atlas.image(values, 128)


def around_person(picture: Picture, mask: np.ndarray, height: int) -> Picture:
    """The part of a picture in which the person is, of a certain height."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    margin = max(len(rows) // 20, 4)
    cut = picture[
        max(rows[0] - margin, 0) : rows[-1] + margin + 1, max(columns[0] - margin, 0) : columns[-1] + margin + 1
    ]
    return resized(cut, height)


def resized(picture: Picture, height: int) -> Picture:
    """The picture with a certain height."""
    width = max(round(picture.shape[1] * height / picture.shape[0]), 1)
    smaller = height < picture.shape[0]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def sheet(rows: Sequence[Sequence[Picture]], names: Sequence[Sequence[str]] | None = None) -> Picture:
    """Pictures in rows, with their names; narrower ones are filled up with white."""
    named = [
        [label(p, names[r][c]) if names and names[r][c] else p for c, p in enumerate(row)]
        for r, row in enumerate(rows)
    ]  # fmt: skip
    columns = max(len(row) for row in named)
    widths = [max((row[c].shape[1] for row in named if c < len(row)), default=1) for c in range(columns)]
    filled = []
    for row in named:
        height = max(p.shape[0] for p in row)
        cells = [row[c] if c < len(row) else np.full((1, 1, 3), BACKGROUND, np.uint8) for c in range(columns)]
        filled.append([_padded(p, height, widths[c]) for c, p in enumerate(cells)])
    return montage(filled)


def _padded(picture: Picture, height: int, width: int) -> Picture:
    found = np.full((height, width, 3), BACKGROUND, np.uint8)
    left = (width - picture.shape[1]) // 2
    found[: picture.shape[0], left : left + picture.shape[1]] = picture
    return found


def _pale(part: int) -> tuple[float, float, float]:
    if part == ROOM:
        return 255, 0, 255
    red, green, blue = colorsys.hsv_to_rgb(part * 0.38 % 1, 0.35, 0.85)
    return 255 * red, 255 * green, 255 * blue
