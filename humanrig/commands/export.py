"""`humanrig export`: results in the formats that other programs open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from humanrig.export_formats import ALL, FORMATS
from humanrig.terminal import progress, say, stage_progress

if TYPE_CHECKING:
    from capture.session import Session

_ABOUT = "; ".join(f"{name}: {format.says}" for name, format in FORMATS.items())


def export(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    format: Annotated[str, arg(metavar="FORMAT", help=f"Which format. {ALL}: every one the session allows; {_ABOUT}.")],
    to: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    again: bool = False,
) -> int:
    """Write results, or the recording, in a format of another program, and print the paths.

    Each format is a folder that appears whole or not at all, with a source.txt about frames, axes and units. `--format
    all` writes every format that the session allows into a folder each, keeps those that are there and made from the
    same results, and ends with a table of what was written, kept and skipped, and why.

    Args:
        session: The session's folder; the stages that the format needs must have run.
        to: Where to write; default SESSION/exported/FORMAT. Of all formats: the folder of their folders.
        again: Of all formats: write those too that are there already.
    """
    from capture.missing_frames import missing_frames
    from capture.session import Session
    from humanrig.export import export_session

    opened = Session.open(session)
    for text in missing_frames(opened):
        say(f"warning: frames are missing: {text}")
    if format == ALL:
        return _export_all(opened, to or session / "exported", again)
    folder = to or session / "exported" / format
    with progress(f"export {format}") as update:
        paths = export_session(opened, format, folder, on_progress=update)
    for path in paths[:8]:
        print(path)
    for line in paths[-1].read_text("utf-8").splitlines() if FORMATS[format].scope == "recording" else ():
        if "left out" in line or "made from" in line or "stands in" in line:
            say(line)
    if len(paths) > 8:
        print(f"and {len(paths) - 8} more in {folder}")
    return 0


def _export_all(opened: Session, folder: Path, again: bool) -> int:
    from humanrig.export.every import export_all, table

    with stage_progress() as update:
        made = export_all(opened, folder, again=again, on_progress=update)
    for line in table(made):
        print(line)
    done = any(one.outcome in ("written", "kept") for one in made)
    return 0 if done and not any(one.outcome == "failed" for one in made) else 1
