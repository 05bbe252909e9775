"""session.toml: what a session is made of, validated, and upgraded when an older version wrote it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import asdict, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from capture.errors import CaptureError
from geometry.told_values import toml_of

SCHEMA = 1
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Schema number → what turns its contents into those of the next number. Empty: 1 is the first published schema."""

_STRICT = ConfigDict(extra="forbid")

StreamKind = Literal["color", "depth", "ir", "imu", "clock"]
"""`imu` is motion or what else a device says of itself with each frame; `clock` compares its clock with the host's."""
IMAGE_KINDS = ("color", "depth", "ir")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class StreamInfo:
    """One stream: where its frames are and how they are coded."""

    name: str
    """`device/kind`."""
    kind: StreamKind
    file: str
    """Container, relative to the session."""
    encoding: Literal["jpeg", "png", "dzp", "video", "json"]
    frames: int
    topic: str | None = None
    """MCAP topic; None for a video file."""
    width: int | None = None
    height: int | None = None
    rate_hz: float | None = None
    delay_us: int = 0
    """How much later than the rig's pulse this stream was told to expose; taken off before frames are paired."""

    @property
    def device(self) -> str:
        """The device's name."""
        return self.name.rsplit("/", maxsplit=1)[0]

    @property
    def is_image(self) -> bool:
        """Whether its frames are images: those are paired into instants and have cameras."""
        return self.kind in IMAGE_KINDS


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class DeviceInfo:
    """One physical unit."""

    name: str
    model: str = ""
    serial: str = ""
    clock: str = "session"
    """Devices that name the same clock have comparable timestamps. An unsynchronised device names its own."""
    sync: Literal["standalone", "master", "subordinate"] = "standalone"
    """Its place on the synchronisation cable."""
    start_offset_us: int = 0
    """Device time at which its original file began."""
    note: str = ""
    firmware: str = ""
    host: str = ""
    """The recording computer, one of `SessionInfo.hosts`; empty where there was one or none."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class HostInfo:
    """One recording computer and its monotonic clock, by which the arrival of frames is told."""

    name: str
    epoch_offset_us: int = 0
    """UTC (Unix time) less its monotonic clock, at the start of the take."""
    offset_us: float = 0.0
    """Its monotonic clock less that of the first host, at the middle of the take."""
    offset_uncertainty_us: float = 0.0
    """The offset lies within, at any moment of the take: half of the smallest round trip of the comparison, and what
    drift changed from the middle of the take to its ends."""
    drift_ppm: float = 0.0
    """How much faster its clock ran than the first host's; 0 where that is not known."""
    offset_at_us: int = 0
    """Its own monotonic clock at the moment for which `offset_us` stands."""

    def offset_when(self, host_us: Any) -> Any:
        """Its clock less the first host's at a moment of its clock; also of an array of moments."""
        return self.offset_us + 1e-6 * self.drift_ppm * (host_us - self.offset_at_us)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class SessionInfo:
    """Everything in session.toml."""

    id: str
    created: datetime
    origin: str
    """What made it: `azure-kinect-mkv`, `videos`, `virtual`, …"""
    streams: list[StreamInfo]
    devices: list[DeviceInfo] = field(default_factory=list)
    subject: str = ""
    action: str = ""
    software: str = ""
    hosts: list[HostInfo] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    """Other sessions, paths relative to this one: calibration_from, background_from, shape_from."""
    schema: int = SCHEMA


def software() -> str:
    """Name and version of this program."""
    try:
        return f"humanrig {version('humanrig')}"
    except PackageNotFoundError:
        return "humanrig (not installed)"


def write_info(path: Path, info: SessionInfo) -> None:
    """Writes session.toml; it appears whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        tomli_w.dump(_without_none(asdict(info)), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_info(path: Path) -> SessionInfo:
    """The contents of session.toml, in the present schema.

    Raises CaptureError when the file is missing, is not TOML, has a misspelt or wrong key, or comes from a newer
    version of the program.
    """
    try:
        values = toml_of(path.read_text("utf-8"))
    except FileNotFoundError:
        folder = path.parent
        if any(folder.glob("recording/*.mcap")):
            raise CaptureError(
                f"{folder} was not finished: it has a recording and no {path.name}; run: humanrig repair {folder}"
            ) from None
        raise CaptureError(
            f"{path.parent} is not a session: it has no {path.name}; make one with humanrig import"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaptureError(
            f"{path} is not valid TOML ({error}); repair it by hand or import the recording again"
        ) from None
    try:
        info = TypeAdapter(SessionInfo).validate_python(upgrade(values, path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise CaptureError(f"{path}: {key}: {first['msg']}; correct that line") from None
    if wrong := wrong_name(info):
        raise CaptureError(f"{path}: {wrong}; correct that line")
    return info


LONGEST_NAME = 200
"""Of a stream, a device or a file: file systems take 255 bytes."""


def wrong_name(info: SessionInfo) -> str:
    """What is wrong with a name of which a file would be made outside of the session, or in no folder; "" for none."""
    named = [("a stream's file", stream.file) for stream in info.streams]
    named += [("a stream", stream.name) for stream in info.streams] + [("a device", each.name) for each in info.devices]
    for what, name in named:
        parts = name.split("/")
        if len(name) > LONGEST_NAME or any(
            part in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts
        ):
            return (
                f"{what} is called {name[:80]!r}; a name is at most {LONGEST_NAME} characters, words with / between "
                "them, none of them a control character"
            )
    for what, name in (("id", info.id), ("subject", info.subject), ("action", info.action)):
        if "/" in name or "\0" in name or name in (".", ".."):
            return f"{what} is {name[:80]!r}, which is no name of a file"
    return ""


def upgrade(values: dict[str, Any], path: Path) -> dict[str, Any]:
    """The contents in the present schema. Raises CaptureError for a schema that this program does not know."""
    schema = values.get("schema")
    if not isinstance(schema, int):
        raise CaptureError(f"{path}: schema is {schema!r}, a number was expected; is this a humanrig session?")
    if schema > SCHEMA:
        raise CaptureError(f"{path} has schema {schema}, this program reads up to {SCHEMA}; install a newer humanrig")
    while schema < SCHEMA:
        if schema not in UPGRADES:
            raise CaptureError(
                f"{path} has schema {schema}, which this program cannot upgrade to {SCHEMA}; import again"
            )
        values, schema = UPGRADES[schema](values), schema + 1
    return {**values, "schema": SCHEMA}


def _without_none(value: Any) -> Any:
    """TOML has no null: keys without a value are left out."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_none(v) for v in value]
    return value
