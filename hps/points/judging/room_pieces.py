"""Pieces of an empty room as large as a person: what is left where a mask or a box was wrong. For calibration."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from capture.virtual.furniture_shapes import box
from geometry.mesh import TriangleMesh

WALL_M: Final = 4.0
HEIGHT_M: Final = 2.6
THICK_M: Final = 0.1
MOST_FITTINGS: Final = 4


def corner_of_a_room(rng: np.random.Generator) -> TriangleMesh:
    """Floor and two walls that meet above 0 0 0, z up, with sills, heaters, pillars or cupboards on the walls."""
    t, h, w = THICK_M, HEIGHT_M, WALL_M
    pieces = [
        ((w, w, t), (w / 2, w / 2, -t / 2)),
        ((t, w, h), (-t / 2, w / 2, h / 2)),
        ((w, t, h), (w / 2, -t / 2, h / 2)),
    ]
    for _ in range(int(rng.integers(MOST_FITTINGS + 1))):
        size = rng.uniform((0.2, 0.05, 0.05), (1.5, 0.4, 2.0))
        along, above = rng.uniform(0, 2.0), rng.uniform(0, max(0.0, h - size[2]))
        middle = np.array([along, 0.0, above]) + size / 2
        if rng.uniform() < 0.5:
            size, middle = size[[1, 0, 2]], middle[[1, 0, 2]]
        pieces.append((tuple(size), tuple(middle)))
    vertices, faces = [], []
    for size, middle in pieces:
        shape = box(size, step=w)
        faces.append(np.asarray(shape.faces) + sum(map(len, vertices)))
        vertices.append(np.asarray(shape.vertices, np.float64) + middle)
    return TriangleMesh(vertices=np.concatenate(vertices), faces=np.concatenate(faces))


def place_in_a_room(rng: np.random.Generator) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Where a camera stands before that corner, and what it looks at."""
    eye = rng.uniform((0.9, 0.9, 0.7), (2.4, 2.4, 1.8))
    return eye, rng.uniform((0.0, 0.0, 0.4), (0.7, 0.7, 1.5))


def person_sized(points: Float[np.ndarray, "points 3"], rng: np.random.Generator) -> Float[np.ndarray, "some 3"]:
    """Those within a box about one of them, 0.3 to 1 m wide and deep and of any height, in the frame of a camera."""
    x, _, z = points[int(rng.integers(len(points)))]
    wide, deep = rng.uniform(0.3, 1.0, 2)
    return points[(np.abs(points[:, 0] - x) < wide / 2) & (np.abs(points[:, 2] - z) < deep / 2)]
