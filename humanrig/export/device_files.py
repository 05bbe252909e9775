"""One file for each device that the format is of: what the formats of makers' own programs share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from capture.missing_frames import missing_frames
from capture.session import CALIBRATED_CAMERAS, RECORDED_CAMERAS, Session
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_camera_file
from humanrig.errors import HumanrigError

Progress = Callable[[int, int], None]


@runtime_checkable
class Plan(Protocol):
    """What of a device goes into its file."""

    @property
    def frames(self) -> int:
        """How many there are, of all streams."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What is left out, a sentence each."""
        ...


@dataclass(frozen=True, kw_only=True)
class DeviceFormat:
    """A format of one file, or one folder, a device."""

    devices: str
    """Of what devices, in the plural."""
    needs: str
    """What a device must have."""
    suffix: str
    """Of the file; empty for a folder."""
    plan: Callable[[Session, str], Any]
    """What of a device goes into its file; None where that is nothing."""
    write: Callable[[Any, Path, Mapping[str, Camera], Callable[[], None]], list[str]]
    """Writes the file of a plan; returns sentences about what had to be made up."""
    about: tuple[str, ...]
    """Lines for source.txt: what the files are, and what they cannot hold."""

    def plans(self, session: Session) -> dict[str, Plan]:
        """By the device's name."""
        return {name: plan for name in session.devices if (plan := self.plan(session, name)) is not None}

    def none(self, session: Session) -> HumanrigError:
        """The error of a session without such a device."""
        return HumanrigError(
            f"{session.folder}: no device has what {self.needs}; its devices are "
            f"{', '.join(session.devices) or 'none'}, choose another format"
        )


def write_devices(format: DeviceFormat, session: Session, folder: Path, on_progress: Progress) -> list[str]:
    """Writes DEVICE.suffix for each; returns lines for source.txt, which name what a cut recording lacks.

    Raises HumanrigError when no device fits, and as `format.write` does.
    """
    plans = format.plans(session)
    if not plans:
        raise format.none(session)
    total = sum(plan.frames for plan in plans.values())
    lines = [
        *format.about,
        *missing(session),
        *write_plans(format, plans, session, folder, counted(total, on_progress)),
    ]
    others = [name for name in session.devices if name not in plans]
    return [*lines, f"left out, no {format.devices}: {', '.join(others)}"] if others else lines


def write_plans(
    format: DeviceFormat, plans: Mapping[str, Plan], session: Session, folder: Path, count: Callable[[], None]
) -> list[str]:
    """Writes the files of some plans; returns their sentences."""
    cameras, lines = known_cameras(session), []
    for name, plan in plans.items():
        made = format.write(plan, folder / f"{name}{format.suffix}", cameras, count)
        lines += [*plan.notes, *made]
    return lines


def missing(session: Session) -> list[str]:
    """Lines about frames that the recording lacks."""
    return [f"frames are missing: {text}" for text in missing_frames(session)]


def counted(total: int, on_progress: Progress) -> Callable[[], None]:
    """Reports one more with each call."""
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        on_progress(done, total)

    return count


def known_cameras(session: Session) -> dict[str, Camera]:
    """Calibrated ones where there are, else those of the recording, placed or not."""
    found: dict[str, Camera] = {}
    for place in (RECORDED_CAMERAS, CALIBRATED_CAMERAS):
        path = session.path(*place)
        if path.is_file():
            found |= read_camera_file(path).cameras
    return found
