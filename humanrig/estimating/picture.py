"""A picture of a cloud and the body that was found in it, from two sides, so that an eye can judge."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rigid import look_at, transform
from hps.points.canonical import canonical_frame
from hps.points.person_cloud import PersonCloud
from humanrig.report.overlay import draw_body, label, montage

HEIGHT: Final = 640
WIDTH: Final = 480
AWAY_M: Final = 6.0
"""Far, with a long lens, so that both sides are as large."""
BACKGROUND: Final = 245
POINT: Final = (40, 70, 200)
"""RGB."""
MOST_POINTS: Final = 6000
SIDES: Final = (("as the camera sees it", (-1.0, 0.0)), ("from the right of that", (0.0, -1.0)))
"""Where a viewer stands in the canonical frame, whose x axis leads away from the camera."""


def draw_estimate(
    cloud: PersonCloud, vertices: Float[np.ndarray, "vertices 3"], faces: np.ndarray, caption: str
) -> UInt8[np.ndarray, "rows columns 3"]:
    """RGB: on top the points alone, below them the body with the points in front of it; one column a side.

    Vertices are in the frame of the cloud.
    """
    T = canonical_frame(cloud)
    points = transform(T, np.asarray(cloud.points, np.float64))
    points = points[:: max(1, len(points) // MOST_POINTS)]
    mesh = TriangleMesh(vertices=transform(T, vertices), faces=faces)
    shown = np.concatenate([mesh.vertices, np.quantile(points, (0.03, 0.97), axis=0)])  # strays may be off the sheet
    middle = (shown.min(0) + shown.max(0)) / 2
    size = max(float((shown.max(0) - shown.min(0)).max()), 0.5) * 1.2  # the words take a strip at the top
    rows: list[list[np.ndarray]] = [[], []]
    for words, (x, y) in SIDES:
        camera = _camera(middle, np.array([x, y, 0.0]), size)
        empty = np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8)
        alone = _with_points(empty, camera, points)
        body = draw_body(empty, camera, mesh)
        rows[0].append(label(alone, words))
        rows[1].append(_with_points(body, camera, points))
    rows[1][0] = label(rows[1][0], caption)
    return montage(rows)


def _camera(middle: np.ndarray, side: np.ndarray, size: float) -> Camera:
    focal = HEIGHT * AWAY_M / size
    K = np.array([[focal, 0, WIDTH / 2 - 0.5], [0, focal, HEIGHT / 2 - 0.5], [0, 0, 1]])
    pose = look_at(middle + AWAY_M * side, middle)
    return Camera(name="viewer", K=K, width=WIDTH, height=HEIGHT, T_world_camera=pose)


def _with_points(
    picture: UInt8[np.ndarray, "rows columns 3"], camera: Camera, points: Float[np.ndarray, "points 3"]
) -> UInt8[np.ndarray, "rows columns 3"]:
    drawn = picture.copy()
    for q in camera.project(points):
        if np.isfinite(q).all():
            cv2.circle(drawn, (round(float(q[0])), round(float(q[1]))), 1, POINT, -1, cv2.LINE_AA)
    return drawn
