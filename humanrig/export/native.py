"""Every device of a session in the file of its own maker's program, a folder for each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.export.db3 import UNITS
from humanrig.export.device_files import DeviceFormat, Progress, counted, missing, write_plans
from humanrig.export.mkv import KINECTS
from humanrig.export.r3d import RECORD3D
from humanrig.export.stray import STRAY

FOLDERS: Final[dict[str, DeviceFormat]] = {
    "azure_kinect": KINECTS,
    "realsense": UNITS,
    "record3d": RECORD3D,
    "stray_scanner": STRAY,
}
"""Each is what `humanrig import` takes: a folder of recordings of one rig, or of single recordings of phones."""


def write(session: Session, folder: Path, on_progress: Progress) -> list[str]:
    """Writes what fits; returns lines for source.txt.

    Raises HumanrigError when no device fits any format, and as the formats' writers do.
    """
    plans = {name: format.plans(session) for name, format in FOLDERS.items()}
    if not any(plans.values()):
        raise HumanrigError(
            f"{session.folder}: no device has what a file of its maker's program holds; its devices are "
            f"{', '.join(session.devices) or 'none'}, which were imported from files of other kinds"
        )
    count = counted(sum(plan.frames for some in plans.values() for plan in some.values()), on_progress)
    lines = missing(session)
    for name, some in plans.items():
        if some:
            (folder / name).mkdir()
            lines += [f"{name}/: {line}" for line in FOLDERS[name].about]
            lines += write_plans(FOLDERS[name], some, session, folder / name, count)
    left = [device for device in session.devices if not any(device in some for some in plans.values())]
    return [*lines, f"left out, of no kind that is known here: {', '.join(left)}"] if left else lines
