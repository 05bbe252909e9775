"""Where a take goes, and which background and board take it belongs to. A folder that exists is never written into.

The first take of SESSION is the folder SESSION, its retakes are SESSION.take2, SESSION.take3, … beside it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from capture.errors import CaptureError
from capture.recorder.status import RecorderLimits
from capture.session import INFO_FILE
from capture.session_info import SessionInfo, read_info
from humanrig.errors import HumanrigError

Kind = Literal["take", "background", "board"]
LINKS: dict[Kind, str] = {"background": "background_from", "board": "calibration_from"}
"""Kind of a take that others refer to, and the link's name in their session.toml."""
RETAKE = "retake_of"
_SUFFIX = re.compile(r"\.take(\d+)$")


def take_folder(session: Path, number: int) -> Path:
    """The folder of the n-th take of SESSION, counted from 1."""
    return session if number == 1 else session.with_name(f"{session.name}.take{number}")


def next_take(session: Path) -> int:
    """Number of the first take of SESSION whose folder does not exist, after all that do."""
    beside = session.parent.iterdir() if session.parent.is_dir() else ()
    numbers = [
        int(found[1])
        for path in beside
        if (found := _SUFFIX.search(path.name)) and path.name == f"{session.name}.take{int(found[1])}"
    ]
    return max([*numbers, 1 if os.path.lexists(session) else 0]) + 1


def check_new(session: Path) -> None:
    """Raises HumanrigError when SESSION is there already, or cannot be made."""
    if _SUFFIX.search(session.name):
        raise HumanrigError(
            f"{session} is the name of a retake; give the first take's, {_SUFFIX.sub('', session.name)}, and --retake"
        )
    if os.path.lexists(session):
        raise HumanrigError(
            f"{session} exists; choose another folder, or add --retake to record "
            f"{take_folder(session, next_take(session)).name} beside it"
        )
    check_place(session)


def check_place(session: Path) -> None:
    """Raises HumanrigError when no folder can be made at SESSION, or its disk is all but full.

    Whether a whole take fits is asked when it begins: what a rig sends is known once its devices are open.
    """
    above = next(folder for folder in session.absolute().parents if folder.exists())
    if not above.is_dir():
        raise HumanrigError(f"{session} cannot be made: {above} is a file; choose another folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise HumanrigError(f"{session} cannot be made: {above} may not be written to; choose another folder")
    disk = shutil.disk_usage(above)
    if not disk.total:
        raise HumanrigError(f"{session} cannot be made: {above} is on no disk; choose another folder")
    kept = RecorderLimits().reserve_bytes
    if disk.free <= kept:
        raise HumanrigError(
            f"{session}: {disk.free / 1e9:.1f} GB are free, {kept / 1e9:.1f} GB are kept back to end a take cleanly; "
            "free some disk or record to another one"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Another take that this one refers to."""

    name: str
    """As session.toml calls it: background_from, calibration_from."""
    folder: Path
    info: SessionInfo

    def written(self, take: Path) -> str:
        """Its path relative to the take's folder."""
        return os.path.relpath(self.folder.absolute(), take.absolute())


def find_links(session: Path, kind: Kind, *, devices: Sequence[str], given: dict[Kind, Path | None]) -> list[Link]:
    """What a take links to: what is given, else the newest of each kind in the same folder with the same devices.

    A background or board take links to nothing that was not given. Raises HumanrigError when what is given is no
    session.
    """
    links = []
    for other, name in LINKS.items():
        folder = given.get(other)
        if folder is not None:
            links.append(Link(name=name, folder=folder, info=_read(folder)))
        elif kind == "take":
            links += _newest(session.parent, other, name, devices)
    return links


def _read(folder: Path) -> SessionInfo:
    try:
        return read_info(folder / INFO_FILE)
    except (CaptureError, OSError) as error:
        raise HumanrigError(f"{folder} cannot be linked to: {error}") from None


def _newest(parent: Path, kind: Kind, name: str, devices: Sequence[str]) -> list[Link]:
    """At most one; folders that are no readable session are passed over."""
    found = []
    for path in sorted(parent.glob(f"*/{INFO_FILE}")) if parent.is_dir() else ():
        try:
            info = read_info(path)
        except CaptureError:
            continue
        if info.action == kind and {stream.device for stream in info.streams} >= set(devices):
            found.append(Link(name=name, folder=path.parent, info=info))
    return sorted(found, key=lambda link: link.info.created)[-1:]
