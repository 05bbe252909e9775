"""Who is drawn at an instant: the textured surface of everybody, or the body where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from capture.session import Session
from geometry.coded_images import decode_jpeg
from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.export.person import everybody
from humanrig.export.surface_pictures import SurfacePictures
from humanrig.report.people import COLORS
from humanrig.results import Results

Shown = Literal["surface", "body"]
TEXTURE_ROWS = 1024
"""A person in a video has fewer pixels; finer textures would flicker."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Figure:
    """Somebody at one instant."""

    person: str
    color: tuple[int, int, int]
    """RGB, of a figure without texture."""
    mesh: TriangleMesh
    """In the world; with its texture where there is one."""


class Cast:
    """The people of a session."""

    def __init__(self, session: Session, shown: Shown) -> None:
        """Raises HumanrigError when nobody has a body, or no surface is there that was asked for."""
        self.people: list[Results] = everybody(session)
        self._surfaces = shown == "surface"
        self._pictures: dict[str, SurfacePictures] = {}
        lacking = [results.person for results in self.people if self._surfaces and not results.has_surface]
        if lacking:
            raise HumanrigError(
                f"{session.folder} has no surfaces of {', '.join(lacking)} made from the present bodies; "
                f"run: humanrig reconstruct {session.folder} --only mesh, or choose --shown body"
            )
        self._rows = {p.person: {i: row for row, i in enumerate(p.instants)} for p in self.people}

    @property
    def instants(self) -> list[int]:
        """At which anybody is there."""
        return sorted({instant for results in self.people for instant in results.instants})

    def times_s(self, instants: Sequence[int]) -> Float[np.ndarray, "instants"]:
        """When the instants were."""
        at = {i: t for p in self.people for i, t in zip(p.instants, p.body["time_us"].tolist(), strict=True)}
        return np.array([at[instant] for instant in instants]) * 1e-6

    def joints(self, instant: int) -> Float[np.ndarray, "people 24 3"]:
        """Of everybody who is there, in the world."""
        rows = [(p, self._rows[p.person][instant]) for p in self.people if instant in self._rows[p.person]]
        return np.array([p.body["joints"][row] for p, row in rows]).reshape(-1, 24, 3)

    def at(self, instant: int) -> list[Figure]:
        """Everybody who is there."""
        found = []
        for results in self.people:
            row = self._rows[results.person].get(instant)
            if row is None:
                continue
            color = COLORS[results.number % len(COLORS)]
            found.append(Figure(person=results.person, color=color, mesh=self._mesh(results, instant, row)))
        return found

    def _mesh(self, results: Results, instant: int, row: int) -> TriangleMesh:
        if not self._surfaces or instant not in results.meshes.instants:
            vertices = results.model.pose(results.parameters[row : row + 1]).vertices[0]
            return TriangleMesh(vertices=vertices, faces=results.model.faces)
        mesh = results.surface(instant)
        if results.person not in self._pictures:
            self._pictures[results.person] = SurfacePictures(results)
        path = self._pictures[results.person].of_segment(results.meshes.number_of(instant))
        texture = None if path is None else read_texture(path)
        return TriangleMesh(
            vertices=mesh.vertices, faces=mesh.faces, uv=mesh.uv, uv_faces=mesh.uv_faces, texture=texture
        )


def has_surfaces(session: Session) -> bool:
    """Whether everybody has surfaces that were made from the present bodies."""
    return all(results.has_surface for results in everybody(session))


def color_at(mesh: TriangleMesh, face: np.ndarray, bary: np.ndarray) -> Float32[np.ndarray, "points 3"]:
    """The texture's levels (0 to 255) on points of faces, interpolated. The mesh must have a texture."""
    assert mesh.texture is not None
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    uv = np.einsum("nk,nkc->nc", bary, mesh.uv[mesh.uv_faces[face]])
    rows, columns = mesh.texture.shape[:2]
    x = (uv[:, 0] * columns - 0.5).astype(np.float32)
    y = ((1 - uv[:, 1]) * rows - 0.5).astype(np.float32)
    width = 16384  # cv2.remap refuses longer rows
    padded = -len(x) % width
    x, y = (np.pad(values, (0, padded)).reshape(-1, width) for values in (x, y))
    picked = cv2.remap(mesh.texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return picked.reshape(-1, 3)[: len(face)].astype(np.float32)


@lru_cache(maxsize=4)
def read_texture(path: Path) -> UInt8[np.ndarray, "rows columns 3"]:
    """A texture with TEXTURE_ROWS rows at most. Raises HumanrigError for a damaged file."""
    try:
        picture = decode_jpeg(path.read_bytes())
    except ValueError as error:
        raise HumanrigError(f"{path} is damaged ({error}); run the stage texture again") from None
    rows, columns = picture.shape[:2]
    if rows <= TEXTURE_ROWS:
        return picture
    return np.asarray(
        cv2.resize(picture, (round(columns * TEXTURE_ROWS / rows), TEXTURE_ROWS), interpolation=cv2.INTER_AREA),
        np.uint8,
    )
