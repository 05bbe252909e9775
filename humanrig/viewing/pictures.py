"""A camera's picture of an instant with the results drawn over it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from humanrig.report.overlay import draw_body
from humanrig.viewing.content import SessionContent

WIDTH = 560
"""Columns of the picture in the panel."""


def camera_picture(
    content: SessionContent, stream: str, instant: int, width: int = WIDTH
) -> tuple[UInt8[np.ndarray, "rows columns 3"], Camera] | None:
    """The colour picture scaled to a width, and its camera; None where the stream has no frame at the instant.

    Raises CaptureError for a damaged recording.
    """
    index = content.frame_index(stream, instant)
    if index < 0:
        return None

    def read() -> np.ndarray:
        image = content.session.frame(stream, index).payload
        rows = max(1, round(image.shape[0] * width / image.shape[1]))
        return np.asarray(cv2.resize(image, (width, rows), interpolation=cv2.INTER_AREA), np.uint8)

    picture = content.kept.get(("picture", stream, instant, width), read, lambda image: image.nbytes)
    return picture, content.cameras[stream].resized(picture.shape[1], picture.shape[0])


def overlaid(
    picture: UInt8[np.ndarray, "rows columns 3"],
    camera: Camera,
    bodies: Sequence[tuple[TriangleMesh, tuple[int, int, int]]],
) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture with each mesh over it in its colour, the nearest last."""
    by_distance = sorted(bodies, key=lambda one: -np.linalg.norm(one[0].vertices.mean(0) - camera.center))
    for mesh, color in by_distance:
        picture = draw_body(picture, camera, mesh, np.array(color, np.float64))
    return picture


def straight(picture: UInt8[np.ndarray, "rows columns 3"], camera: Camera) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture as a camera without lens distortion and with its axis in the middle would have taken it.

    Such a camera is what a frustum in the page is: `field_of_view` is its opening.
    """
    rows, columns = picture.shape[:2]
    K = np.array([[camera.K[0, 0], 0, (columns - 1) / 2], [0, camera.K[1, 1], (rows - 1) / 2], [0, 0, 1]])
    x, y = cv2.initUndistortRectifyMap(camera.K, camera.distortion, None, K, (columns, rows), cv2.CV_32FC1)  # type: ignore
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR), np.uint8)


def field_of_view(camera: Camera) -> float:
    """The vertical opening, radians, of the camera as `straight` sees it."""
    return float(2 * np.arctan(camera.height / 2 / camera.K[1, 1]))
