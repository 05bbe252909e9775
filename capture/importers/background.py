"""The empty room that came with a recording, as a session of one frame inside the session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from capture.importers.source_stream import SourceStream, write_streams
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo
from geometry.camera_files.cameras_json import read_camera_file, write_cameras

BACKGROUND = "recording/background"


def background_link(streams: Sequence[SourceStream]) -> dict[str, str]:
    """What session.toml's links say of the empty room: nothing where there is no picture of it."""
    return {"background_from": BACKGROUND} if streams else {}


def write_background(
    folder: Path, streams: Sequence[SourceStream], devices: Mapping[str, DeviceInfo], origin: str
) -> None:
    """Writes the room's session into a session that has its cameras already; nothing without streams."""
    if not streams:
        return
    room = folder / BACKGROUND
    cameras = read_camera_file(folder.joinpath(*RECORDED_CAMERAS))
    kept = {stream.name: cameras.cameras[stream.name] for stream in streams}
    write_cameras(
        room.joinpath(*RECORDED_CAMERAS), kept, source=cameras.source, unplaced=cameras.unplaced & kept.keys()
    )
    infos = write_streams(room, streams)
    used = dict.fromkeys(stream.device for stream in streams)
    Session.create(room, id="background", streams=infos, origin=origin, devices=[devices[name] for name in used])
