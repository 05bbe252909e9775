"""`humanrig report`: the pages that show a reconstruction, many of them, or a day at a rig."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from humanrig.errors import HumanrigError
from humanrig.expected_errors import expected_errors, in_words
from humanrig.terminal import say, stage_progress


def report(
    sessions: Positional[tuple[Path, ...]] = (),
    out: Annotated[Path | None, arg(metavar="FILE")] = None,
    index: Annotated[Path | None, arg(metavar="FOLDER|FILE")] = None,
    rig: Annotated[Path | None, arg(metavar="DAY")] = None,
) -> int:
    """Write one page about a session, an index of many sorted by trust, or a page about a day at a rig.

    The page of a session is SESSION/report/index.html: verdict, 3D, worst instants, residuals, cameras to fix. It needs
    no other file and no network. A session that is not finished gets one too, of what is there.

    Args:
        sessions: Folders of sessions; for an index also folders that hold sessions.
        out: Write the page to this file instead, and leave the session as it is.
        index: Write an index of the sessions, the least trusted first, to FOLDER/index.html or to this file.
        rig: A folder with the takes of a day: losses, clocks, drift of the calibration, which camera to fix.
    """
    if rig is not None:
        if sessions or index is not None:
            raise HumanrigError("--rig takes one folder with the takes of a day; leave sessions and --index out")
        return _day(rig, out)
    if not sessions:
        raise HumanrigError("name a session: humanrig report SESSION; or a day of them: humanrig report --rig DAY")
    if index is not None:
        if out is not None:
            raise HumanrigError(f"--index says where the page goes; leave --out {out} out")
        return _index(sessions, index)
    if out is not None and len(sessions) > 1:
        raise HumanrigError(f"--out {out} is one file, and there are {len(sessions)} sessions; name one of them")
    failed = 0
    for session in sessions:
        try:
            say(str(_one(session, out)))
        except expected_errors() as error:  # the others get their pages all the same
            say(f"humanrig: {in_words(error)}")
            failed += 1
    return 1 if failed else 0


def _one(folder: Path, out: Path | None) -> Path:
    """The page of a session: by the stage where it can run, else of what is there."""
    from capture.session import Session
    from geometry.camera_files.writing import write_text
    from humanrig.lease import held
    from humanrig.pipeline import Request, load_stage, reconstruct
    from humanrig.report.page import Look, draw_page
    from humanrig.trust.evidence import gather

    session = Session.open(folder)
    if out is None and set(load_stage("report").needs) <= set(gather(session).done):
        try:
            with stage_progress() as update:
                reconstruct(session, Request(only="report"), on_stage=update)
            return session.path("report", "index.html")
        except expected_errors() as error:
            say(f"{session.folder}: {in_words(error)}; the page shows what there is")
    with stage_progress() as update:
        page = draw_page(session, Look(), lambda done, total: update("report", done, total))
    if out is not None:
        write_text(out, page.html)
        return out
    path = session.path("report", "index.html")
    with held(session.folder):
        path.with_name("manifest.json").unlink(missing_ok=True)  # so that the stage is not taken as done
        write_text(path, page.html)
    return path


def _index(folders: tuple[Path, ...], to: Path) -> int:
    from humanrig.report.batch_index import write_index

    with stage_progress() as update:
        path, unreadable = write_index([str(f) for f in folders], to, lambda n, total: update("index", n, total))
    say(str(path))
    return 1 if unreadable else 0


def _day(folder: Path, out: Path | None) -> int:
    from humanrig.report.rig_day import write_day

    with stage_progress() as update:
        path = write_day(folder, out or folder / "rig_report.html", lambda n, total: update("takes", n, total))
    say(str(path))
    return 0
