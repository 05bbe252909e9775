"""A session's results in the formats of other programs, one file of this package for each format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.export.folder import SOURCE, Making, made_folder
from humanrig.export.person import everybody
from humanrig.export.state import state_of
from humanrig.export_formats import ALL, FORMATS, Format
from humanrig.results import Results

__all__ = ["FORMATS", "export_session", "identity"]

Progress = Callable[[int, int], None]


def export_session(session: Session, format: str, folder: Path, on_progress: Progress | None = None) -> list[Path]:
    """Writes a session in one format of FORMATS; returns the files, source.txt (frames, axes and units) last.

    The folder appears whole or not at all; one that the same export of the same session made is replaced. Raises
    HumanrigError for an unknown format, a stage that has not run (naming the command), and a folder with other content.
    """
    if format not in FORMATS:
        raise HumanrigError(f"there is no export format '{format}'; the formats are: {' '.join((*FORMATS, ALL))}")
    folder = Path(folder)
    report = on_progress or (lambda done, total: None)
    with made_folder(folder, identity(session, format), state_of(session, FORMATS[format].version)) as making:
        _write(session, FORMATS[format], making, report)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SOURCE)
    return [*files, folder / SOURCE]


def identity(session: Session, format: str) -> str:
    """The first line of an export's source.txt."""
    return f"humanrig export: {format}, session {session.info.id}"


def _write(session: Session, format: Format, making: Making, on_progress: Progress) -> None:
    write = format.writer()
    if format.scope == "recording":
        making.about(write(session, making.folder, on_progress))
        return
    people = everybody(session)
    if format.scope == "everybody":
        for results in people:
            making.about([f"{results.person}:", *_about(results)])
        making.about(write(people, making.folder, on_progress))
        return
    for results in people:
        place = making.folder
        if len(people) > 1:
            making.about([f"{results.person}:"])
            if format.scope == "person":
                place = making.folder / results.person
                place.mkdir()
        making.about([*_about(results), *write(results, place, on_progress)])


def _about(results: Results) -> list[str]:
    body = results.body
    return [
        f"subject: {results.session.info.subject or 'not named'}; action: {results.session.info.action or 'not named'}",
        f"body model: {body['model']}, sha256 {body['model_sha256']}",
        f"frame numbers are instants of the session: {len(body['instants'])} from {body['instants'][0]} "
        f"to {body['instants'][-1]}",
    ]
