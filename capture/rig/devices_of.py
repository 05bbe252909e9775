"""Devices made of rig.toml, closed and ready for `LiveRig`; a driver is imported when a device needs it."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from capture.device import Device
from capture.errors import CaptureError
from capture.rig.device_settings import settings_of, value
from capture.rig.rig_file import PlayTable, RigFile, VirtualTable
from capture.rig.toml_tables import meant
from capture.virtual.rig_playback import open_virtual_devices


def devices_of(rig: RigFile) -> list[Device]:
    """All devices of the rig in its order; nothing is touched before they are opened.

    Raises CaptureError where rig.toml is wrong, a driver is missing on this computer, or a session cannot be played.
    """
    settings = settings_of(rig)
    phones: list[Any] = []
    devices: list[Device] = [
        _MAKERS[entry.driver](rig, entry.name, settings[entry.name], phones) for entry in rig.devices
    ]
    for title, table in (("virtual", rig.virtual), ("play", rig.play)):
        if table is not None:
            devices += _played(rig, title, table)
    twice = [name for name, count in Counter(device.name for device in devices).items() if count > 1]
    if twice:
        raise CaptureError(
            f"{rig.path}: '{twice[0]}' of a played session is also a device of this rig; rename that of [[devices]]"
        )
    return devices


def _played(rig: RigFile, title: str, table: PlayTable) -> list[Device]:
    folder: Path = rig.relative(table.session)
    faults = table.faults if isinstance(table, VirtualTable) else None
    seed = table.seed if isinstance(table, VirtualTable) else 0
    try:
        played = open_virtual_devices(folder, faults, speed=table.speed, seed=seed, loops=table.loops)
    except CaptureError as error:
        raise CaptureError(f"{rig.path}: [{title}]: {error}") from None
    return list(played)


def _kinect(rig: RigFile, name: str, settings: Any, phones: list[Any]) -> Device:
    from capture.azure_kinect.driver import KinectDriver

    return KinectDriver(name, settings)


def _realsense(rig: RigFile, name: str, settings: Any, phones: list[Any]) -> Device:
    from capture.realsense.driver import RealSenseDriver

    return RealSenseDriver(name, settings)


def _iphone(rig: RigFile, name: str, settings: Any, phones: list[Any]) -> Device:
    """All phones share one listener, told by `[iphone]`."""
    from capture.iphone.driver import PhoneDriver
    from capture.iphone.server import PhoneServer

    if not phones:
        phones.append(PhoneServer(**_keywords(PhoneServer, rig.shared.get("iphone", {}), f"{rig.path}: [iphone]")))
    return PhoneDriver(name, phones[0])


def _record3d(rig: RigFile, name: str, settings: Mapping[str, Any], phones: list[Any]) -> Device:
    try:
        from capture.iphone.record3d_usb import Record3dDriver
    except ImportError as error:
        raise CaptureError(f"{rig.path}: '{name}' needs record3d ({error}); pip install 'humanrig[record3d]'") from None
    return Record3dDriver(name, value(settings, "serial", ""))


def _keywords(made: Callable[..., Any], table: Mapping[str, Any], where: str) -> dict[str, Any]:
    known = [name for name, p in inspect.signature(made).parameters.items() if p.kind is not p.VAR_KEYWORD]
    for key in table:
        if key not in known:
            raise CaptureError(f"{where}: there is no key '{key}'; {meant(key, known)}")
    return dict(table)


_MAKERS: Mapping[str, Callable[[RigFile, str, Any, list[Any]], Device]] = {
    "azure_kinect": _kinect,
    "realsense": _realsense,
    "iphone": _iphone,
    "record3d": _record3d,
}
