"""A session's results in the formats of other programs, one file of this package for each format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.export import amass, bvh, glb, humman, joints, labels, mkv, obj, ply, smpl_params
from humanrig.export.folder import SOURCE, Making, made_folder
from humanrig.results import Results, people

__all__ = ["FORMATS", "RECORDING_FORMATS", "export_session"]


class _Format(Protocol):
    def __call__(self, results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
        """Writes into an empty folder; returns lines about frames and units for source.txt."""
        ...


FORMATS: dict[str, _Format] = {
    "glb": glb.write,
    "obj": obj.write,
    "ply": ply.write,
    "amass": amass.write,
    "bvh": bvh.write,
    "joints": joints.write,
    "humman": humman.write,
    "smpl_params": smpl_params.write,
}
NAMED_AFTER_PEOPLE = frozenset({"glb", "amass", "bvh", "joints"})
"""Formats whose files carry the person's name; several people of the others get a folder each."""
TOGETHER: dict[str, Callable[[list[Results], Path, Callable[[int, int], None]], list[str]]] = {
    "annotations": labels.write
}
"""Formats that show everybody in one picture."""
RECORDING_FORMATS: dict[str, Callable[[Session, Path, Callable[[int, int], None]], list[str]]] = {"mkv": mkv.write}
"""What was recorded, in the formats of other recorders; no stage needs to have run."""


def export_session(
    session: Session, format: str, folder: Path, on_progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Writes a session in one of the three sets of formats; returns the files, source.txt (frames and units) last.

    The folder appears whole or not at all; one that the same export of the same session made is replaced. Raises
    HumanrigError for an unknown format, a stage that has not run (naming the command), and a folder with other content.
    """
    if not any(format in known for known in (FORMATS, TOGETHER, RECORDING_FORMATS)):
        formats = " ".join((*FORMATS, *TOGETHER, *RECORDING_FORMATS))
        raise HumanrigError(f"there is no export format '{format}'; the formats are: {formats}")
    folder = Path(folder)
    report = on_progress or (lambda done, total: None)
    with made_folder(folder, f"humanrig export: {format}, session {session.info.id}") as making:
        if format in RECORDING_FORMATS:
            making.about(RECORDING_FORMATS[format](session, making.folder, report))
        else:
            everybody = [Results(session, person) for person in people(session)]
            if format in TOGETHER:
                for results in everybody:
                    making.about([f"{results.person}:", *_about(results)])
                making.about(TOGETHER[format](everybody, making.folder, report))
            else:
                _one_by_one(everybody, format, making, report)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SOURCE)
    return [*files, folder / SOURCE]


def _one_by_one(everybody: list[Results], format: str, making: Making, on_progress: Callable[[int, int], None]) -> None:
    for results in everybody:
        place = making.folder
        if len(everybody) > 1:
            making.about([f"{results.person}:"])
            if format not in NAMED_AFTER_PEOPLE:
                place = making.folder / results.person
                place.mkdir()
        making.about([*_about(results), *FORMATS[format](results, place, on_progress)])


def _about(results: Results) -> list[str]:
    body = results.body
    return [
        f"subject: {results.session.info.subject or 'not named'}; action: {results.session.info.action or 'not named'}",
        f"body model: {body['model']}, sha256 {body['model_sha256']}",
        f"frame numbers are instants of the session: {len(body['instants'])} from {body['instants'][0]} "
        f"to {body['instants'][-1]}",
    ]
