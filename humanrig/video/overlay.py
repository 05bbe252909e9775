"""The pictures of one camera, or of several beside one another, with the bodies over them and who is who."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from capture.frame_sets import Instant
from capture.session import Session
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.report.overlay import draw_body, label
from humanrig.video.figures import Cast

EMPTY = 225
"""Grey level of a cell whose camera has no picture."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Overlay:
    """Cells of pictures in rows."""

    cast: Cast
    session: Session
    instants: list[Instant]
    cells: list[Camera]
    """The cameras at the size of their cells, all of them of one size."""
    columns: int

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.instants)

    @property
    def width(self) -> int:
        """Pixels."""
        return self.columns * self.cells[0].width

    @property
    def height(self) -> int:
        """Pixels."""
        return -(-len(self.cells) // self.columns) * self.cells[0].height

    def pictures(self) -> Iterator[UInt8[np.ndarray, "rows columns 3"]]:
        """One after the other. Raises CaptureError for a frame that is damaged."""
        for instant in self.instants:
            figures = self.cast.at(instant.instant)
            sheet = np.full((self.height, self.width, 3), EMPTY, np.uint8)
            for number, camera in enumerate(self.cells):
                row, column = divmod(number, self.columns)
                top, left = row * camera.height, column * camera.width
                cell = sheet[top : top + camera.height, left : left + camera.width]
                words = f"{camera.name.split('/')[0]}   instant {instant.instant}"
                index = instant.index.get(camera.name, -1)
                if index < 0:
                    cell[:] = label(np.ascontiguousarray(cell), f"{words}   no picture")
                    continue
                image = self.session.frame(camera.name, index).payload
                picture = cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
                drawn = np.asarray(picture, np.uint8)
                middle = {f.person: float(np.linalg.norm(f.mesh.vertices.mean(0) - camera.center)) for f in figures}
                for figure in sorted(figures, key=lambda f: -middle[f.person]):  # the nearest is drawn last
                    mesh = TriangleMesh(vertices=figure.mesh.vertices, faces=figure.mesh.faces)
                    drawn = draw_body(drawn, camera, mesh, np.array(figure.color, np.float64))
                cell[:] = label(drawn, words)
            legend(sheet, [(figure.person, figure.color) for figure in figures])
            yield sheet


def overlay(
    session: Session, cast: Cast, instants: Sequence[int], streams: Sequence[str], width: int, height: int
) -> Overlay:
    """The plan of a video of these instants within a size; cells keep the shape of the first camera's pictures.

    `streams`: colour streams or devices; none: all that have a camera. Raises HumanrigError when there is none.
    """
    cameras = chosen(session, streams)
    columns, cell = _cells(len(cameras), cameras[0].width / cameras[0].height, width, height)
    wanted = set(instants)
    shown = [instant for instant in session.instants() if instant.instant in wanted]
    if not shown:
        raise HumanrigError(f"{session.folder} has none of the {len(instants)} instants; choose others with --frames")
    return Overlay(
        cast=cast,
        session=session,
        instants=shown,
        cells=[camera.resized(*cell) for camera in cameras],
        columns=columns,
    )


def chosen(session: Session, streams: Sequence[str]) -> list[Camera]:
    """Cameras of colour streams, by stream or device. Raises HumanrigError for one that is not there."""
    cameras = session.cameras()
    known = [stream for stream in session.of_kind("color") if stream in cameras]
    if not known:
        raise HumanrigError(f"{session.folder} has no colour camera that is calibrated; a turntable needs none")
    if not streams:
        return [cameras[stream] for stream in known]
    found = []
    for name in streams:
        stream = name if "/" in name else f"{name}/color"
        if stream not in known:
            raise HumanrigError(f"--camera {name}: {session.folder} has the colour cameras {', '.join(known)}")
        found.append(cameras[stream])
    return found


def legend(sheet: UInt8[np.ndarray, "rows columns 3"], people: Sequence[tuple[str, tuple[int, int, int]]]) -> None:
    """Draws who has which colour into the lower left corner."""
    if not people:
        return
    line, left = 22, 8
    top = sheet.shape[0] - line * len(people) - 10
    sheet[top : sheet.shape[0] - 4, 4:130] //= 3
    for number, (name, color) in enumerate(people):
        y = top + 3 + number * line
        cv2.rectangle(sheet, (left, y + 3), (left + 14, y + 17), color, -1)
        cv2.putText(
            sheet, name, (left + 22, y + 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA
        )  # fmt: skip


def _cells(count: int, aspect: float, width: int, height: int) -> tuple[int, tuple[int, int]]:
    """How many columns make the cells largest, and the even size of a cell."""
    best = (0, 1, 2, 2)
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        wide = min(width / columns, aspect * height / rows)
        size = 2 * max(1, int(wide / 2)), 2 * max(1, round(wide / aspect / 2))
        if rows * size[1] > height:
            size = size[0], 2 * max(1, int(height / rows / 2))
        best = max(best, (size[0] * size[1], columns, *size), key=lambda one: one[0])
    return best[1], best[2:]
