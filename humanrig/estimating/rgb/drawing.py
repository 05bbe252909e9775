"""Bodies drawn over the pictures in which they were found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float, Int64, UInt8

from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from hps.points.estimate import USABLE
from humanrig.errors import HumanrigError
from humanrig.export.video_file import whole_video
from humanrig.report.overlay import BODY_COLOR, draw_body

COLORS: Final = (
    BODY_COLOR,
    np.array([90.0, 200, 250]),
    np.array([170.0, 220, 90]),
    np.array([240.0, 120, 200]),
    np.array([250.0, 220, 80]),
    np.array([150.0, 140, 250]),
)
"""RGB, by the number of the person."""
DOUBTED: Final = np.array([150.0, 150, 150])
"""Of bodies that should not be used."""
LONGEST_SIDE: Final = 1280
"""Pixels of a drawn video; photographs keep their size."""
LEAST_RATE_HZ: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnPerson:
    """Somebody's bodies, in the frame in which the camera is placed."""

    name: str
    number: int
    parameters: BodyParameters
    rows: Int64[np.ndarray, "frames"]
    """Which pictures they are in."""
    confidence: Float[np.ndarray, "frames"]


def draw_people(
    image: UInt8[np.ndarray, "rows columns 3"], camera: Camera, body: BodyModel, people: Sequence[DrawnPerson], row: int
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Everybody of one picture, those farther away first, each with the confidence above the head."""
    posed = []
    for person in people:
        at = np.flatnonzero(person.rows == row)
        if len(at):
            vertices = body.pose(person.parameters[at]).vertices[0].astype(np.float64)
            depth = float((vertices @ camera.T_camera_world[2, :3]).mean())
            posed.append((depth, vertices, person, float(person.confidence[at[0]])))
    drawn = image
    for _, vertices, person, confidence in sorted(posed, key=lambda one: -one[0]):
        color = COLORS[person.number % len(COLORS)] if confidence >= USABLE else DOUBTED
        drawn = draw_body(drawn, camera, TriangleMesh(vertices=vertices, faces=body.faces), color)
    drawn = np.ascontiguousarray(drawn)
    for _, vertices, person, confidence in posed:
        _caption(drawn, camera.project(vertices), f"{person.name} {confidence:.2f}")
    return drawn


def write_picture(path: Path, image: UInt8[np.ndarray, "rows columns 3"]) -> None:
    """Raises HumanrigError when the file cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image[..., ::-1]):
        raise HumanrigError(f"{path} cannot be written; is its name that of a .png, and may you write there?")


def write_video(
    path: Path,
    pictures: Iterator[UInt8[np.ndarray, "rows columns 3"]],
    camera: Camera,
    body: BodyModel,
    people: Sequence[DrawnPerson],
    rate_hz: float,
    count: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """A video of constant rate, at most LONGEST_SIDE pixels. Raises HumanrigError when it cannot be written."""
    scale = min(1.0, LONGEST_SIDE / max(camera.width, camera.height))
    width, height = (2 * max(1, round(scale * side / 2)) for side in (camera.width, camera.height))
    small = camera.resized(width, height)
    with whole_video(path, width, height, max(rate_hz, LEAST_RATE_HZ)) as video:
        for row, image in enumerate(pictures):
            resized = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            video.add(draw_people(resized, small, body, people, row))
            if on_progress is not None:
                on_progress(row + 1, count)


def _caption(image: UInt8[np.ndarray, "rows columns 3"], q: np.ndarray, text: str) -> None:
    """Words above the highest pixel of a body, inside the picture."""
    q = q[np.isfinite(q).all(-1)]
    if not len(q):
        return
    rows, columns = image.shape[:2]
    size = max(0.4, min(rows, columns) / 1400)
    thick = max(1, round(2 * size))
    (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
    x = int(np.clip(q[:, 0].mean() - wide / 2, 2, max(2, columns - wide - 2)))
    y = int(np.clip(q[:, 1].min() - high, high + 2, rows - below - 2))
    cv2.rectangle(image, (x - 3, y - high - 3), (x + wide + 3, y + below), (30, 30, 30), -1)
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), thick, cv2.LINE_AA)
