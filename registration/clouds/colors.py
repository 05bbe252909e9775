"""Colours for points: from the colour camera that sees the surface most squarely, and nothing before it (numba)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Int, Integer, UInt8

from geometry.camera import Camera
from geometry.rigid import transform

CELL_M = 0.015
"""Size, at the people's distance, of the squares of a colour image in which the nearest point hides those behind it:
three times the distance between points of a cloud."""
BEHIND_M = 0.03
"""A point this far behind the nearest one of its square is hidden."""
RIM_PX = 2
RIM = 0.3
"""Pixels this close to the mask's rim mix with the room behind: they count this part as much."""
LEAST = 0.1
"""Cosine below which a surface shows no colour worth having."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColorView:
    """A colour image, and who is seen in it."""

    image: UInt8[np.ndarray, "_ _ 3"]
    """RGB."""
    camera: Camera
    people: Int[np.ndarray, "_ _"] | None = None
    """Whose each pixel is, -1 for nobody's; None: not known."""


def color_points(
    p_world: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    person: Integer[np.ndarray, "points"],
    views: Sequence[ColorView],
) -> tuple[UInt8[np.ndarray, "points 3"], Bool[np.ndarray, "points"]]:
    """RGB of each point, and whether a colour camera saw it; black where none did.

    Of the cameras in whose image a point lies on its person's pixels, and that no other point hides, the one that sees
    its surface at the largest cosine. normals: toward the cameras that measured the points.
    """
    best, colors = np.full(len(p_world), LEAST), np.zeros((len(p_world), 3), np.uint8)
    whose = np.ascontiguousarray(person, np.int64)
    for view in views:
        camera = view.camera
        v_camera = camera.center - p_world
        cosine = np.einsum("ni,ni->n", normals, v_camera) / np.linalg.norm(v_camera, axis=1)
        facing = np.flatnonzero(cosine > 0)
        p_camera = transform(camera.T_camera_world, p_world[facing])
        q = camera.project_camera(p_camera)
        people = np.zeros((1, 1), np.int8) if view.people is None else np.ascontiguousarray(view.people, np.int8)
        rim = _inner(people) if view.people is not None else np.ones((1, 1), np.uint8)
        cell = max(2, round(CELL_M * camera.K[0, 0] / max(np.median(p_camera[:, 2]), 0.1))) if len(facing) else 2
        nearest = np.full((camera.height // cell + 1, camera.width // cell + 1), np.inf)
        image = np.ascontiguousarray(view.image)
        _paint(q, p_camera[:, 2], cosine[facing], facing, whose, people, rim, image, cell, nearest, best, colors)
    return colors, best > LEAST


def _inner(people: Int[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "rows columns"]:
    side = 2 * RIM_PX + 1
    return np.asarray(cv2.erode((people >= 0).astype(np.uint8), np.ones((side, side), np.uint8)))


@nb.njit(cache=True, error_model="numpy")
def _paint(q, z, cosine, which, person, people, inner, image, cell, nearest, best, colors):
    height, width = image.shape[0], image.shape[1]
    known = people.size > 1
    for i in range(len(z)):
        if 0 <= q[i, 0] < width - 1 and 0 <= q[i, 1] < height - 1:  # False for NaN
            a, b = int(q[i, 1]) // cell, int(q[i, 0]) // cell
            nearest[a, b] = min(nearest[a, b], z[i])
    for i in range(len(z)):
        if not (0 <= q[i, 0] < width - 1 and 0 <= q[i, 1] < height - 1):
            continue
        score, k = cosine[i], which[i]
        if score <= best[k] or z[i] > nearest[int(q[i, 1]) // cell, int(q[i, 0]) // cell] + BEHIND_M:
            continue
        row, column = int(q[i, 1] + 0.5), int(q[i, 0] + 0.5)
        if known:
            if people[row, column] != person[k]:
                continue
            if not inner[row, column]:
                score *= RIM
                if score <= best[k]:
                    continue
        best[k] = score
        r, c = int(q[i, 1]), int(q[i, 0])
        fr, fc = q[i, 1] - r, q[i, 0] - c
        for s in range(3):
            top = (1 - fc) * image[r, c, s] + fc * image[r, c + 1, s]
            bottom = (1 - fc) * image[r + 1, c, s] + fc * image[r + 1, c + 1, s]
            colors[k, s] = int((1 - fr) * top + fr * bottom + 0.5)
