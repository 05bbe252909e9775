"""Every format that a session allows, one after the other: what is there already is kept, what cannot be says why."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from body.errors import BodyError
from calibration.errors import CalibrationError
from capture.errors import CaptureError
from capture.session import Session
from geometry.errors import GeometryError
from humanrig.errors import HumanrigError
from humanrig.export import export_session, identity
from humanrig.export.folder import is_current
from humanrig.export.state import state_of
from humanrig.export_formats import FORMATS
from registration.errors import RegistrationError
from texture.errors import TextureError

EXPECTED = (
    HumanrigError, BodyError, CalibrationError, CaptureError, GeometryError, RegistrationError, TextureError,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What became of one format."""

    format: str
    folder: Path
    outcome: Literal["written", "kept", "skipped", "failed"]
    """kept: it was there, made from the same results. skipped: the session does not allow it. failed: the disk."""
    files: int = 0
    megabytes: float = 0.0
    seconds: float = 0.0
    why: str = ""
    """The sentence of the error, of a format that was skipped or failed."""


def export_all(
    session: Session,
    folder: Path,
    *,
    again: bool = False,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> list[Made]:
    """Writes FOLDER/FORMAT for each format; returns what became of each, in the order of FORMATS.

    A format that cannot be made never stops the others. What an earlier run finished from the same results is kept,
    unless `again`.
    """
    report = on_progress or (lambda name, done, total: None)
    made = []
    for name, format in FORMATS.items():
        if not format.of_all:
            continue
        place = folder / name
        if not again and is_current(place, identity(session, name), state_of(session, format.version)):
            made.append(replace(_sized(name, place), outcome="kept"))
            continue
        start = time.perf_counter()
        try:
            export_session(session, name, place, lambda done, total, name=name: report(name, done, total))
        except OSError as error:  # first: the errors about a disk are of both kinds
            made.append(Made(format=name, folder=place, outcome="failed", why=str(error)))
        except EXPECTED as error:
            made.append(Made(format=name, folder=place, outcome="skipped", why=str(error)))
        else:
            made.append(replace(_sized(name, place), seconds=time.perf_counter() - start))
    return made


def table(made: Sequence[Made]) -> list[str]:
    """Lines for people: format, what became of it, files, size, and where it is or why it is not."""
    lines = [f"{'format':<12} {'':<8} {'files':>6} {'MB':>9} {'s':>7}"]
    for one in made:
        if one.outcome in ("skipped", "failed"):
            lines.append(f"{one.format:<12} {one.outcome:<8} {'':>6} {'':>9} {'':>7}  {one.why}")
            continue
        took = f"{one.seconds:.1f}" if one.outcome == "written" else ""
        lines.append(f"{one.format:<12} {one.outcome:<8} {one.files:>6} {one.megabytes:>9.2f} {took:>7}  {one.folder}")
    return lines


def _sized(name: str, folder: Path) -> Made:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return Made(format=name, folder=folder, outcome="written", files=len(sizes), megabytes=sum(sizes) / 1e6)
