"""What there is to see in a session, whichever stages have run; files are read when they are asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from body.errors import BodyError
from capture.errors import CaptureError
from capture.frame_sets import Instant
from capture.session import Session
from geometry.camera import Camera
from geometry.cloud import PointCloud
from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.pipeline import STAGES
from humanrig.report.misread import MISREAD
from humanrig.report.people import ShownPerson
from humanrig.results import Results, read_arrays
from humanrig.viewing.kept import Kept
from humanrig.viewing.textures import small_texture
from texture.errors import TextureError
from texture.files.texture_files import instant_texture, segment_texture

EXPECTED = (HumanrigError, CaptureError, GeometryError, BodyError, TextureError, OSError)
"""What reading a session may raise: each is a sentence for people."""
FOLDERS = {"sync": "sync", "calibrate": "calibration", "register": "body"}
"""Folders of stages that are not called as the stage is."""
SHOWN_STAGES = tuple(stage for stage in STAGES if stage not in ("export", "report"))
_PERSON = re.compile(r"person\d\d")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Keypoints:
    """The keypoints of a person at one instant. Metres, in the world; NaN where nothing was seen."""

    p_world: np.ndarray
    sigma: np.ndarray


class SessionContent:
    """Reads a session for the viewer. Nothing is written; what cannot be read is an error of its package."""

    def __init__(self, session: Session, kept: Kept | None = None) -> None:
        """`kept` is the memory to use; by default one of its own."""
        self.session = session
        self.kept = kept or Kept()
        self.problems: list[str] = []
        """What of the whole session could not be read, as sentences."""
        self._people: dict[str, ShownPerson] = {}

    @cached_property
    def instants(self) -> list[int]:
        """Numbers of the instants: those of the frame sets, else those that any result has."""
        if self._frame_sets:
            return sorted(self._frame_sets)
        found = {int(path.stem) for path in self.session.path("clouds").glob("[0-9]*.npz") if path.stem.isdigit()}
        for person in self.people:
            for folder in ("body", "mesh", "keypoints"):
                path = self.session.path(folder, f"{person}.npz")
                if path.is_file():
                    found |= set(_instants(path))
        return sorted(found)

    @cached_property
    def cameras(self) -> dict[str, Camera]:
        """Placed cameras by stream: the calibrated ones, else those of the recording; none where neither is."""
        try:
            return self.session.cameras()
        except (CaptureError, GeometryError) as error:
            if self.session.path("calibration", "cameras.json").exists():
                self.problems.append(f"calibration: {error}")
        try:
            return self.session.recorded_cameras()
        except (CaptureError, GeometryError):
            return {}

    @cached_property
    def people(self) -> tuple[str, ...]:
        """person00, person01, … of whom there is any result."""
        found = {
            path.name.removesuffix(".npz")
            for folder in ("body", "mesh", "keypoints")
            for path in self.session.path(folder).glob("person[0-9][0-9]*")
        }
        return tuple(sorted(name for name in found if _PERSON.fullmatch(name)))

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The stages whose results the session lacks."""
        folders = {stage: self.session.path(FOLDERS.get(stage, stage)) for stage in SHOWN_STAGES}
        return tuple(stage for stage, folder in folders.items() if not _holds_anything(folder))

    @cached_property
    def has_clouds(self) -> bool:
        """Whether any instant has a fused cloud."""
        return any(self.session.path("clouds").glob("[0-9]*.npz"))

    def has(self, folder: str) -> bool:
        """Whether anybody has a file in body/, mesh/ or keypoints/."""
        return any(self.session.path(folder, f"{person}.npz").is_file() for person in self.people)

    @cached_property
    def has_texture(self) -> bool:
        """Whether any surface was painted."""
        return any(self.session.path("texture").glob("person*/*.jpg"))

    def time_s(self, instant: int) -> float | None:
        """Seconds of an instant since the first; None without frame sets."""
        sets = self._frame_sets
        if instant not in sets or not sets:
            return None
        first = sets[min(sets)].time_us
        return (sets[instant].time_us - first) * 1e-6

    def frame_index(self, stream: str, instant: int) -> int:
        """Number of the stream's frame at an instant; -1 where there is none."""
        found = self._frame_sets.get(instant)
        return -1 if found is None else found.index.get(stream, -1)

    def person(self, name: str) -> ShownPerson:
        """The fitted body of a person, in the person's colour."""
        if name not in self._people:
            self._people[name] = ShownPerson(Results(self.session, name))
        return self._people[name]

    def cloud(self, instant: int) -> PointCloud | None:
        """Everybody's fused cloud; None where there is none. Raises HumanrigError for a damaged file."""
        path = self.session.path("clouds", f"{instant:06d}.npz")
        if not path.is_file():
            return None
        return self.kept.get(("cloud", path), lambda: _read_cloud(path), _cloud_bytes)

    def body(self, person: str, instant: int) -> TriangleMesh | None:
        """The fitted body; None at an instant without one. Raises HumanrigError, BodyError as `Results` does."""
        shown = self.person(person)
        if not self.session.path("body", f"{person}.npz").is_file() or instant not in shown.results.instants:
            return None

        def pose() -> TriangleMesh:
            results, row = shown.results, shown.results.instants.index(instant)
            posed = results.model.pose(results.parameters[row : row + 1])
            return TriangleMesh(vertices=posed.vertices[0], faces=results.model.faces)

        return self.kept.get(("body", self.session.folder, person, instant), pose, lambda m: m.vertices.nbytes)

    def surface(self, person: str, instant: int) -> TriangleMesh | None:
        """The final surface with texture coordinates; None at an instant without one. Raises TextureError."""
        if not self.session.path("mesh", f"{person}.npz").is_file():
            return None
        meshes = self.person(person).results.meshes
        return meshes.surface(instant) if instant in meshes.instants else None

    def texture(self, person: str, instant: int, *, of_clip: bool) -> bytes | None:
        """JPEG of the surface's picture, of the instant or of its segment; None where there is none."""
        folder = self.session.path("texture")
        paths = [] if of_clip else [instant_texture(folder, person, instant)]
        meshes = self.person(person).results.meshes
        if instant in meshes.instants:
            paths.append(segment_texture(folder, person, meshes.number_of(instant)))
        path = next((path for path in paths if path.is_file()), None)
        return None if path is None else self.kept.get(("texture", path), lambda: small_texture(path), len)

    def keypoints(self, person: str, instant: int) -> Keypoints | None:
        """The triangulated keypoints of an instant; None where the stage has none."""
        if not self.session.path("keypoints", f"{person}.npz").is_file():
            return None
        arrays = self.person(person).results.keypoints
        row = np.flatnonzero(arrays["instants"] == instant)
        if not len(row):
            return None
        return Keypoints(p_world=arrays["p_world"][row[0]], sigma=arrays["sigma"][row[0]])

    @cached_property
    def _frame_sets(self) -> dict[int, Instant]:
        if not self.session.path("sync", "frames.parquet").is_file():
            return {}
        try:
            return {one.instant: one for one in self.session.instants()}
        except CaptureError as error:
            self.problems.append(str(error))
            return {}


def _holds_anything(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _instants(path: Path) -> list[int]:
    try:
        return [int(i) for i in read_arrays(path).get("instants", ())]
    except (HumanrigError, *MISREAD):
        return []  # the layer itself says what is wrong with the file


def _read_cloud(path: Path) -> PointCloud:
    arrays = read_arrays(path)
    if "points" not in arrays:
        raise HumanrigError(f"{path} has no points; run the stage clouds again")
    names = PointCloud.__dataclass_fields__
    return PointCloud(**{name: values for name, values in arrays.items() if name in names})


def _cloud_bytes(cloud: PointCloud) -> int:
    fields = (getattr(cloud, name) for name in PointCloud.__dataclass_fields__)
    return sum(values.nbytes for values in fields if values is not None)
