"""What a recording says of its take, as its first attachment: enough to make session.toml and cameras.json from it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from capture.device import DeviceDescription
from capture.errors import CaptureError
from capture.session import INFO_FILE, RECORDED_CAMERAS, Session
from capture.session_info import HostInfo, SessionInfo, software, write_info, wrong_name
from geometry.camera_files.cameras_json import write_cameras

ATTACHMENT = "take.json"
CAMERAS_ATTACHMENT = "cameras.json"
ORIGIN = "recorder"
SOURCE = "factory calibration, as the devices gave it when the take began"


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class TakeDescription:
    """The session as it was known when the recording began: `frames` of every stream is 0."""

    info: SessionInfo
    schema: int = 1

    @property
    def host(self) -> HostInfo:
        """The recording computer."""
        return self.info.hosts[0]

    def encode(self) -> bytes:
        """As it is attached."""
        return json.dumps(asdict(self), default=_plain, indent=1).encode()

    @classmethod
    def of(cls, attachments: Mapping[str, bytes], where: str) -> TakeDescription:
        """What a recording's attachments say. Raises CaptureError, starting with `where`, when there is none."""
        if ATTACHMENT not in attachments:
            raise CaptureError(
                f"{where} has no {ATTACHMENT}: it is not a recording of this program's recorder, or was cut before its "
                "first byte was safe; import it instead"
            )
        try:
            return TypeAdapter(cls).validate_json(attachments[ATTACHMENT])
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise CaptureError(f"{where}: {ATTACHMENT}: {key}: {first['msg']}; repair it with the program that "
                               "recorded it") from None  # fmt: skip

    def write_session(self, folder: Path, frames: Mapping[str, int]) -> Session:
        """Writes session.toml with these numbers of frames by stream. Raises CaptureError when there is one."""
        if (folder / INFO_FILE).exists():
            raise CaptureError(f"{folder} already is a session; choose another folder")
        streams = [replace(stream, frames=frames.get(stream.name, 0)) for stream in self.info.streams]
        write_info(folder / INFO_FILE, replace(self.info, streams=streams))
        return Session.open(folder)


def describe_take(
    descriptions: Mapping[str, DeviceDescription],
    *,
    file: str,
    id: str,
    subject: str,
    action: str,
    links: Mapping[str, str],
    host: str,
) -> TakeDescription:
    """The take that begins now. `file` is the recording, relative to the session.

    Raises CaptureError for a name with which the session could not be opened again.
    """
    devices = [replace(d.info, host=host) for d in descriptions.values()]
    streams = [stream.recorded(file, 0) for d in descriptions.values() for stream in d.streams]
    epoch_offset_us = (time.time_ns() - time.monotonic_ns()) // 1000
    info = SessionInfo(
        id=id,
        created=datetime.now(UTC).replace(microsecond=0),
        origin=ORIGIN,
        streams=streams,
        devices=devices,
        subject=subject,
        action=action,
        software=software(),
        hosts=[HostInfo(name=host, epoch_offset_us=epoch_offset_us)],
        links=dict(links),
    )
    if wrong := wrong_name(info):
        raise CaptureError(f"this take cannot be recorded: {wrong}; choose another")
    return TakeDescription(info=info)


def write_take_cameras(folder: Path, descriptions: Mapping[str, DeviceDescription]) -> bytes:
    """Writes recording/cameras.json and returns its bytes, to be attached too."""
    cameras = [camera for d in descriptions.values() for camera in d.cameras]
    placed = {name for d in descriptions.values() for name in d.placed}
    path = folder.joinpath(*RECORDED_CAMERAS)
    write_cameras(path, cameras, source=SOURCE, unplaced=[c.name for c in cameras if c.name not in placed])
    return path.read_bytes()


def stream_channels(description: DeviceDescription) -> dict[str, tuple[str, dict[str, str]]]:
    """Topic to encoding and metadata of each stream's channel."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for stream in description.streams:
        size = {"width": str(stream.width), "height": str(stream.height)} if stream.width and stream.height else {}
        found[f"/{stream.name}"] = (stream.encoding, {**size, "rate_hz": str(stream.rate_hz)})
    return found


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
