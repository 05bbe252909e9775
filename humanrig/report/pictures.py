"""The pictures of the report: the body over every camera at some instants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import simplejpeg
from jaxtyping import Float, UInt8

from capture.session import Session
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from humanrig.report.overlay import closeup, draw_body, draw_points, label, montage
from humanrig.report.people import ShownPerson


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
) -> UInt8[np.ndarray, "rows columns 3"]:
    """One row for each instant, one column for each placed colour camera: everybody's body and detections."""
    cameras = session.cameras()
    streams = [stream for stream in session.of_kind("color") if stream in cameras]
    by_number = {i.instant: i for i in session.instants()}
    rows, done = [], 0
    for instant in instants:
        bodies = {person: body for person in everybody if (body := person.body(instant)) is not None}
        row = []
        for stream in streams:
            index = by_number[instant].index.get(stream, -1)
            done += 1
            progress(done, len(instants) * len(streams))
            if index < 0:
                row.append(np.full((height, height, 3), 230, np.uint8))
                continue
            image = session.frame(stream, index).payload
            picture, camera = closeup(image, cameras[stream], _all_of(list(bodies.values())), height)
            for person in sorted(bodies, key=lambda p: -_distance(camera, bodies[p])):  # the nearest is drawn last
                picture = draw_body(picture, camera, bodies[person], np.array(person.color, np.float64))
            for person in bodies:
                found = person.detections(stream, instant)
                if found is not None:
                    picture = draw_points(picture, _moved(found[0], cameras[stream], camera), found[1])
            row.append(label(picture, f"{stream.split('/')[0]}  {instant}"))
        rows.append(row)
    return montage(rows)


def _all_of(meshes: list[TriangleMesh]) -> TriangleMesh:
    """Several meshes as one."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return TriangleMesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
    )


def _distance(camera: Camera, mesh: TriangleMesh) -> float:
    return float(np.linalg.norm(mesh.vertices.mean(0) - camera.center))


def _moved(q: Float[np.ndarray, "joints 2"], full: Camera, part: Camera) -> Float[np.ndarray, "joints 2"]:
    """Pixels of the full picture in a cut and scaled one."""
    A = part.K @ np.linalg.inv(full.K)
    return q @ A[:2, :2].T + A[:2, 2]


def write_jpeg(path: Path, image: UInt8[np.ndarray, "rows columns 3"], quality: int = 88) -> None:
    """Writes an RGB picture."""
    path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorspace="RGB"))
