"""Azure Kinect .mkv: one file for each Kinect of a session, for Azure Kinect Viewer, the SDK and Open3D."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from capture.kinect_recording import plan_kinect, write_kinect_mkv
from capture.missing_frames import missing_frames
from capture.session import CALIBRATED_CAMERAS, RECORDED_CAMERAS, Session
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_camera_file
from humanrig.errors import HumanrigError


def write(session: Session, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes DEVICE.mkv for each; returns lines for source.txt, which name what a cut recording lacks.

    Raises HumanrigError when no device is a Kinect with JPEG colour or depth, and as `write_kinect_mkv` does.
    """
    plans = {name: plan for name in session.devices if (plan := plan_kinect(session, name)) is not None}
    if not plans:
        raise HumanrigError(
            f"{session.folder}: no device has what an Azure Kinect's file holds (JPEG colour or dzp depth at a size of "
            "that sensor); the other formats are for what was reconstructed"
        )
    total = sum(stream.frames for plan in plans.values() for stream in plan.streams.values())
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        on_progress(done, total)

    cameras = _cameras(session)
    lines = ["Azure Kinect .mkv as the SDK 1.4 records: colour MJPG as recorded, depth and IR 16 bits big-endian"]
    lines += [f"frames are missing: {text}" for text in missing_frames(session)]
    for name, plan in plans.items():
        made = write_kinect_mkv(session, plan, folder / f"{name}.mkv", cameras, count)
        lines += [*plan.notes, *made]
    others = [name for name in session.devices if name not in plans]
    if others:
        lines.append(f"left out, no Azure Kinects: {', '.join(others)}")
    lines.append("not in these files: arrival times on the host, frames' masks, where the devices stand in the world")
    return lines


def _cameras(session: Session) -> dict[str, Camera]:
    """Calibrated ones where there are, else those of the recording, placed or not."""
    found: dict[str, Camera] = {}
    for place in (RECORDED_CAMERAS, CALIBRATED_CAMERAS):
        path = session.path(*place)
        if path.is_file():
            found |= read_camera_file(path).cameras
    return found
