"""A take of the texture trials, opened: what was reconstructed, what was really there, and which pictures judge it.

Everything is in the session's own world: what is true is moved there by the cameras, which stand in both worlds. This
leaves our surfaces where they are and costs nothing: the choice of a world is no error.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8
from registration_trials.copies import copy_take

from calibration.rig import device_of
from capture.session import Session
from capture.virtual.true_frames import true_instants
from capture.virtual.truth import Truth
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rigid import inverse, transform
from humanrig.evaluation.world import TrueWorld, true_world
from humanrig.report.pictures import spread
from humanrig.results import Results
from texture_trials.cases import HELD_OUT, Case
from texture_trials.rerender import filled_by

BODY = "body"


@dataclass(frozen=True, eq=False)
class Take:
    """A session with truth/ and at least the stages up to `register`."""

    case: Case
    session: Session

    @cached_property
    def results(self) -> Results:
        """What was reconstructed of the first person."""
        return Results(self.session)

    @cached_property
    def truth(self) -> Truth:
        """What was really there, in its own world."""
        return Truth.open(self.session)

    @cached_property
    def world(self) -> TrueWorld:
        """How the session's world lies in the truth's."""
        return true_world(self.truth.cameras(), self.session.cameras())

    @cached_property
    def true_cameras(self) -> dict[str, Camera]:
        """Cameras as they stood and were made, by stream, in the session's world."""
        T_world_truth = inverse(self.world.T_truth_world)
        return {
            name: camera.at(T_world_truth @ camera.T_world_camera)
            for name, camera in self.truth.cameras().items()
            if name in self.session.cameras()
        }

    @property
    def judges(self) -> list[str]:
        """Colour streams that no texture uses."""
        return [s for s in self.session.of_kind("color") if device_of(s) in HELD_OUT]

    @property
    def painters(self) -> list[str]:
        """Colour streams that textures are made from."""
        return [s for s in self.session.of_kind("color") if device_of(s) not in HELD_OUT]

    def instants(self, count: int) -> list[int]:
        """Some instants that have a body, evenly spread."""
        return spread(self.results.instants, count)

    def picture(self, stream: str, instant: int) -> UInt8[np.ndarray, "rows columns 3"]:
        """What a camera recorded."""
        return self.session.frame(stream, self._index[instant][stream]).payload

    def true_mask(self, stream: str, instant: int) -> Bool[np.ndarray, "rows columns"]:
        """Pixels whose centre shows the person."""
        return self.truth.mask(stream, self.row(instant)) == 1

    def filled_mask(self, stream: str, instant: int) -> Bool[np.ndarray, "rows columns"]:
        """Pixels that show nothing but the person; at the outline they show the room, too."""
        return filled_by(self.true_surface(instant), self.true_cameras[stream])

    def true_surface(self, instant: int) -> TriangleMesh:
        """The dressed surface as it was drawn, with its texture coordinates, in the session's world."""
        mesh = self.truth.mesh(self.row(instant))
        return replace(mesh, vertices=transform(inverse(self.world.T_truth_world), mesh.vertices))

    def true_body(self, instant: int) -> Float[np.ndarray, "vertices 3"]:
        """Vertices of the naked body, in the session's world."""
        return transform(inverse(self.world.T_truth_world), self.truth.body_vertices(self.row(instant)))

    def row(self, instant: int) -> int:
        """The instant's number in truth/."""
        return int(self._rows[instant])

    @cached_property
    def _rows(self) -> np.ndarray:
        return true_instants(self.session)

    @cached_property
    def _index(self) -> dict[int, dict[str, int]]:
        return {instant.instant: dict(instant.index) for instant in self.session.instants()}


def copied(case: Case, folder: Path, work: Path, name: str = "") -> Path:
    """A copy of the case's take to work in, with its body, as WORK/CASE or WORK/CASE__NAME; an existing one is kept.

    WORK must be a sibling of FOLDER, or the links to other sessions lead elsewhere and the calibration is run again.
    """
    copy = copy_take(folder / case.name, work / (f"{case.name}__{name}" if name else case.name))
    if not (copy / BODY).exists():
        partial = copy / f".{BODY}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(folder / case.name / BODY, partial)
        partial.rename(copy / BODY)
    return copy


def opened(case: Case, folder: Path) -> Take:
    """The take in a folder."""
    return Take(case, Session.open(folder))
