"""The pictures of the report: the body over every camera at some instants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from capture.session import Session
from geometry.camera import Camera
from geometry.mesh import TriangleMesh, joined
from humanrig.report.inline import jpeg
from humanrig.report.overlay import closeup, draw_body, draw_points, label, montage
from humanrig.report.people import ShownPerson

Picture = UInt8[np.ndarray, "_ _ 3"]


def spread(instants: list[int], count: int) -> list[int]:
    """Up to `count` instants, evenly spread from the first to the last."""
    picks = np.linspace(0, len(instants) - 1, min(count, len(instants))).round().astype(int)
    return [instants[i] for i in dict.fromkeys(picks.tolist())]


def overlay_sheet(
    session: Session,
    everybody: Sequence[ShownPerson],
    instants: list[int],
    height: int,
    progress: Callable[[int, int], None],
) -> Picture:
    """One row for each instant, one column for each placed colour camera: everybody's body and detections."""
    return montage(overlays(session, everybody, instants, height, progress))


def overlays(
    session: Session,
    everybody: Sequence[ShownPerson],
    instants: list[int],
    height: int,
    progress: Callable[[int, int], None],
) -> list[list[Picture]]:
    """The pictures of the sheet: for each instant those of all placed colour cameras."""
    streams = placed_color(session)
    rows, done = [], 0
    for instant in instants:
        row = []
        for stream in streams:
            done += 1
            progress(done, len(instants) * len(streams))
            row.append(overlay(session, everybody, instant, stream, height))
        rows.append(row)
    return rows


def placed_color(session: Session) -> list[str]:
    """Colour streams whose camera has a place."""
    cameras = session.cameras()
    return [stream for stream in session.of_kind("color") if stream in cameras]


def overlay(session: Session, everybody: Sequence[ShownPerson], instant: int, stream: str, height: int) -> Picture:
    """A camera's close-up of everybody with the bodies and the detections over it; grey where it has no frame."""
    index = {i.instant: i for i in session.instants()}[instant].index.get(stream, -1)
    if index < 0:
        return label(np.full((height, height, 3), 230, np.uint8), f"{stream.split('/')[0]}  {instant}  no frame")
    full = session.cameras()[stream]
    bodies = {person: body for person in everybody if (body := person.body(instant)) is not None}
    image = session.frame(stream, index).payload
    picture, camera = closeup(image, full, joined(list(bodies.values())), height)
    for person in sorted(bodies, key=lambda p: -_distance(camera, bodies[p])):  # the nearest is drawn last
        picture = draw_body(picture, camera, bodies[person], np.array(person.color, np.float64))
    for person in bodies:
        found = person.detections(stream, instant)
        if found is not None:
            picture = draw_points(picture, _moved(found[0], full, camera), found[1])
    return label(picture, f"{stream.split('/')[0]}  {instant}")


def _distance(camera: Camera, mesh: TriangleMesh) -> float:
    return float(np.linalg.norm(mesh.vertices.mean(0) - camera.center))


def _moved(q: Float[np.ndarray, "joints 2"], full: Camera, part: Camera) -> Float[np.ndarray, "joints 2"]:
    """Pixels of the full picture in a cut and scaled one."""
    A = part.K @ np.linalg.inv(full.K)
    return q @ A[:2, :2].T + A[:2, 2]


def write_jpeg(path: Path, image: Picture, quality: int = 88) -> None:
    """Writes an RGB picture."""
    path.write_bytes(jpeg(image, quality))
