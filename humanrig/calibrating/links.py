"""Which take a session's calibration comes from: the link `calibration_from`, read and written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from capture.session import INFO_FILE, Session
from capture.session_info import write_info
from humanrig.errors import HumanrigError

LINK = "calibration_from"
RESULT = ("rig_calibration", "cameras.json")
"""Where `humanrig calibrate` leaves the cameras of a solved rig."""


def calibration_take(session: Session) -> Path | None:
    """The folder of the take that the session names as its calibration; None where it names none.

    Raises HumanrigError when that folder is not there.
    """
    link = session.info.links.get(LINK)
    if link is None:
        return None
    folder = Path(os.path.normpath(session.folder.absolute() / link))
    if not folder.is_dir():
        raise HumanrigError(
            f"{session.folder} takes its calibration from {folder}, which is not there; "
            f"name the board take again: humanrig calibrate {session.folder} --boards TAKE"
        )
    return folder


def link_calibration(session: Session, take: Session) -> Session:
    """The session, whose session.toml now names `take` as its calibration.

    Raises HumanrigError when both are the same folder, or the take has none of the session's image streams.
    """
    if session.folder.resolve() == take.folder.resolve():
        raise HumanrigError(f"--boards {take.folder} is the session itself; leave --boards out to calibrate it")
    ours = {name for name, stream in session.streams.items() if stream.is_image}
    if not ours & set(take.streams):
        raise HumanrigError(
            f"{take.folder} has none of the streams of {session.folder} ({', '.join(sorted(ours))}); "
            "name a board take of the same rig"
        )
    where = os.path.relpath(take.folder.resolve(), session.folder.resolve())
    if session.info.links.get(LINK) == where:
        return session
    write_info(session.folder / INFO_FILE, replace(session.info, links={**session.info.links, LINK: where}))
    return Session.open(session.folder)
