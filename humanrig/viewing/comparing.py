"""Finds the second result: the truth of a simulated session, or another session's bodies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from calibration.comparison import matched_names
from calibration.errors import CalibrationError
from capture.errors import CaptureError
from capture.session import Session
from capture.virtual.true_frames import true_instants
from capture.virtual.truth import Truth
from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.rigid import inverse, transform
from humanrig.errors import HumanrigError
from humanrig.evaluation.people import matched
from humanrig.evaluation.world import true_world
from humanrig.viewing.compared import Compared
from humanrig.viewing.content import SessionContent

TRUTH = "truth"
SAMPLE = 5
"""Instants by which the people of two results are told to be the same."""


def compare_with(shown: SessionContent, other: str | Path) -> Compared:
    """The result of another session's folder, or for "truth" of the session's own truth/.

    Instants are the same where their numbers are. Raises HumanrigError where there is nothing to compare, and
    CaptureError for a folder that is no session.
    """
    if str(other) == TRUTH and not Path(other).is_dir():
        return _truth(shown)
    content = SessionContent(Session.open(Path(other)), shown.kept)
    if not content.has("body"):
        raise HumanrigError(f"--compare {other}: it has no bodies; run: humanrig reconstruct {other} --until register")
    T_shown_other, note = _worlds(shown, content.cameras)

    def body(person: str, instant: int) -> TriangleMesh | None:
        return _moved(content.body(person, instant), T_shown_other)

    same = {person: person for person in content.people if person in shown.people}
    name = content.session.folder.resolve().name
    return Compared(name=name, people=content.people, same=same, body=body, note=note)


def _truth(shown: SessionContent) -> Compared:
    session = shown.session
    model = None
    for person in shown.people:
        if session.path("body", f"{person}.npz").is_file():
            model = shown.person(person).results.model
            break
    try:
        truth = Truth.open(session, model)
        rows = true_instants(session) if shown.time_s(0) is not None else np.arange(truth.frames)
        T_shown_truth = inverse(true_world(truth.cameras(), shown.cameras).T_truth_world)
        people = tuple(truth.people)
    except (CaptureError, CalibrationError, GeometryError) as error:
        raise HumanrigError(f"--compare truth: {error}") from None

    def body(person: str, instant: int) -> TriangleMesh | None:
        if not 0 <= instant < len(rows) or rows[instant] >= truth.frames:
            return None
        key = ("truth", session.folder, person, instant)
        mesh = shown.kept.get(key, lambda: truth.mesh(int(rows[instant]), False, person), lambda m: m.vertices.nbytes)
        return _moved(mesh, T_shown_truth)

    same = _same_people(shown, truth, rows, T_shown_truth)
    return Compared(
        name=TRUTH, people=people, same=same, body=body, note="The truth of the simulation, moved by its cameras."
    )


def _same_people(shown: SessionContent, truth: Truth, rows: np.ndarray, T_shown_truth: np.ndarray) -> dict[str, str]:
    """The true person of each fitted body, by where their joints are at some instants."""
    names, numbers, joints = [], [], []
    for person in shown.people:
        try:
            arrays = shown.person(person).results.body
        except HumanrigError:
            continue
        instants = arrays["instants"].astype(int)
        known = np.flatnonzero((instants >= 0) & (instants < len(rows)))
        known = known[rows[instants[known]] < truth.frames]
        if not len(known):
            continue
        sample = known[np.linspace(0, len(known) - 1, min(SAMPLE, len(known))).round().astype(int)]
        names.append(person)
        numbers.append(rows[instants[sample]])
        joints.append(transform(inverse(T_shown_truth), arrays["joints"][sample].astype(np.float64)))
    if not names:
        return {}
    found = matched(truth, numbers, joints)
    return {name: true for name, true in zip(names, found, strict=True) if true is not None}


def _worlds(shown: SessionContent, cameras: dict) -> tuple[Float[np.ndarray, "4 4"], str]:
    """T_shown_other by the cameras of the same name; the identity where there is none."""
    try:
        if not matched_names(shown.cameras, cameras):
            return np.eye(4), "No camera is in both: the two worlds are taken for the same."
        world = true_world(shown.cameras, cameras)
    except CalibrationError as error:
        return np.eye(4), f"The two worlds are taken for the same: {error}"
    return world.T_truth_world, f"Moved by {world.cameras} cameras that are in both ({world.center_mm:.1f} mm apart)."


def _moved(mesh: TriangleMesh | None, T: Float[np.ndarray, "4 4"]) -> TriangleMesh | None:
    return None if mesh is None else TriangleMesh(vertices=transform(T, mesh.vertices), faces=mesh.faces)
