"""rig.toml: the devices of a rig, their modes and exposure, their order on the cable, and where its catalogue lies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from capture.board import Board
from capture.board_file import board_of_table, read_board
from capture.errors import CaptureError
from capture.rig.toml_tables import checked, meant, read_toml
from capture.virtual.clocks import ClockEffects

SCHEMA = 1
Driver = Literal["azure_kinect", "realsense", "iphone", "record3d"]
DRIVERS: tuple[str, ...] = get_args(Driver)
"""Drivers of `[[devices]]`. Rigs without hardware have `[virtual]` or `[play]` instead."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class ChainTable:
    """`[chain]`: the synchronisation cable of the Azure Kinects."""

    order: tuple[str, ...] = ()
    """Names in the order of the cable; the first is the master."""
    spacing_us: Annotated[int, Field(ge=0, le=3700)] = 160
    """Depth of each device after that of the one before: the SDK's MIN_TIME_BETWEEN_DEPTH_CAMERA_PICTURES_USEC."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class PlayTable:
    """`[play]`: every device of a recorded session, as it was."""

    session: str
    """Its folder, relative to rig.toml."""
    speed: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Rig seconds in a second."""
    loops: Annotated[int, Field(ge=1)] = 1
    """How often the recording is repeated."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class VirtualTable(PlayTable):
    """`[virtual]`: the same with faults that are drawn from a seed."""

    seed: Annotated[int, Field(ge=0)] = 0
    faults: ClockEffects | None = None
    """`[virtual.faults]`; nothing goes wrong that it does not name."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class RecordingTable:
    """`[recording]`: the computer that records."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")] = "rig"
    """Its name: the recording is `recording/HOST.mcap`."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class DeviceEntry:
    """One `[[devices]]`."""

    name: str
    driver: Driver
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What this device is told besides what all of its driver are."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class RigFile:
    """Everything in rig.toml; settings of devices are checked when they are made (`settings_of`)."""

    path: Path
    devices: tuple[DeviceEntry, ...] = ()
    chain: ChainTable = field(default_factory=ChainTable)
    recording: RecordingTable = field(default_factory=RecordingTable)
    shared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Driver to its table: `[azure_kinect]` and `[realsense]` are for all of their devices, `[iphone]` is for the
    server that phones connect to."""
    virtual: VirtualTable | None = None
    play: PlayTable | None = None
    board: Board | None = None
    """`[board]`: the calibration board of this rig; takes of it say so."""
    catalogue: str = "catalogue"

    @property
    def catalogue_folder(self) -> Path:
        """Where actions.toml and subjects.toml are, beside rig.toml unless it says otherwise."""
        return self.path.parent / self.catalogue

    def relative(self, name: str) -> Path:
        """A path of the file, relative to it."""
        return self.path.parent / name


_TABLES = ("schema", "catalogue", "recording", "chain", "devices", "virtual", "play", "board", *DRIVERS)


def read_rig(path: Path) -> RigFile:
    """The rig of a file. Raises CaptureError, one sentence with the next step, for anything that is wrong in it."""
    path = Path(path)
    values = read_toml(path, missing="write one with humanrig rig init")
    for key in values:
        if key not in _TABLES:
            raise CaptureError(f"{path}: there is no key '{key}'; {meant(key, _TABLES)}")
    schema = values.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise CaptureError(f"{path} has schema {schema!r}, this program reads {SCHEMA}; write it again with rig init")
    for key in _TABLES[2:]:
        if key in values and not isinstance(values[key], list if key == "devices" else dict):
            example = "[[devices]]" if key == "devices" else f"[{key}]"
            raise CaptureError(f"{path}: '{key}' must be a table; write it as {example}")
    if not isinstance(values.get("catalogue", ""), str):
        raise CaptureError(f"{path}: catalogue = {values['catalogue']!r} is no folder's name; write it in quotes")
    rig = RigFile(
        path=path,
        devices=tuple(_entry(path, number, entry) for number, entry in enumerate(values.get("devices", []), 1)),
        chain=checked(ChainTable, values.get("chain", {}), f"{path}: [chain]"),
        recording=checked(RecordingTable, values.get("recording", {}), f"{path}: [recording]"),
        shared={driver: values[driver] for driver in DRIVERS if driver in values},
        virtual=_virtual(path, values["virtual"]) if "virtual" in values else None,
        play=checked(PlayTable, values["play"], f"{path}: [play]") if "play" in values else None,
        board=_board(path, values["board"]) if "board" in values else None,
        catalogue=values.get("catalogue", "catalogue"),
    )
    _check_names(rig)
    return rig


def _entry(path: Path, number: int, entry: Any) -> DeviceEntry:
    where = f"{path}: [[devices]] number {number}"
    if not isinstance(entry, dict):
        raise CaptureError(f"{where} is not a table; write it as [[devices]]")
    name, driver = entry.get("name"), entry.get("driver")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CaptureError(f"{where} has the name {name!r}; give it one of letters, digits, - and _: kinect_000")
    if driver in ("virtual", "play"):
        raise CaptureError(f"{where} ('{name}') has the driver '{driver}'; write a table [{driver}] with a session")
    if driver not in DRIVERS:
        raise CaptureError(f"{where} ('{name}') has the driver {driver!r}; {meant(str(driver), DRIVERS)}")
    rest = {key: value for key, value in entry.items() if key not in ("name", "driver")}
    return DeviceEntry(name=name, driver=driver, settings=rest)


def _board(path: Path, table: dict[str, Any]) -> Board:
    """The board itself, or the file that `humanrig board make` wrote."""
    if set(table) != {"file"}:
        return board_of_table(table, f"{path}: [board]", besides=("file",))
    if not isinstance(table["file"], str):
        raise CaptureError(f"{path}: [board] file = {table['file']!r} is no file's name; write it in quotes")
    return read_board(path.parent / table["file"])


def _virtual(path: Path, table: dict[str, Any]) -> VirtualTable:
    """A table whose faults are quiet but for those that are named."""
    rest = {key: value for key, value in table.items() if key != "faults"}
    made = checked(VirtualTable, rest, f"{path}: [virtual]", besides=("faults",))
    if "faults" not in table:
        return made
    named = checked(ClockEffects, table["faults"], f"{path}: [virtual.faults]")
    quiet = ClockEffects.quiet()
    named_values = {key: getattr(named, key) for key in table["faults"]}
    all_values = {key: getattr(quiet, key) for key in ClockEffects.__dataclass_fields__}
    faults = ClockEffects(**{**all_values, **named_values})
    return VirtualTable(session=made.session, speed=made.speed, loops=made.loops, seed=made.seed, faults=faults)


def _check_names(rig: RigFile) -> None:
    names = [entry.name for entry in rig.devices]
    for name in names:
        if names.count(name) > 1:
            raise CaptureError(f"{rig.path}: two devices are called '{name}'; give one another name")
    kinects = [entry.name for entry in rig.devices if entry.driver == "azure_kinect"]
    for name in rig.chain.order:
        if name not in kinects:
            raise CaptureError(
                f"{rig.path}: [chain] order names '{name}', which is no Azure Kinect of this rig; "
                f"{meant(name, kinects)}"
            )
        if rig.chain.order.count(name) > 1:
            raise CaptureError(f"{rig.path}: [chain] order names '{name}' twice; a device is once on the cable")
    if not rig.devices and rig.virtual is None and rig.play is None:
        raise CaptureError(
            f"{rig.path} names no device; add [[devices]], or write the rig again with humanrig rig init"
        )
