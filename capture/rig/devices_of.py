"""Devices made of rig.toml, closed and ready for `LiveRig`; a driver is imported when a device needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.device import Device
from capture.doubled_names import doubled_name
from capture.errors import CaptureError
from capture.rig.device_settings import settings_of, value
from capture.rig.rig_file import PlayTable, RigFile, VirtualTable
from capture.rig.toml_tables import checked
from capture.virtual.rig_playback import open_virtual_devices

if TYPE_CHECKING:
    from capture.iphone.server import PhoneServer


def devices_of(rig: RigFile, server: PhoneServer | None = None) -> list[Device]:
    """All devices of the rig in its order; nothing is touched before they are opened.

    `server` is what phones connect to (`phone_server`), made here unless given. Raises CaptureError where rig.toml is
    wrong, a driver is missing on this computer, or a session cannot be played.
    """
    settings = settings_of(rig)
    server = phone_server(rig) if server is None else server
    devices = [_MAKERS[entry.driver](rig, entry.name, settings[entry.name], server) for entry in rig.devices]
    for title, table in (("virtual", rig.virtual), ("play", rig.play)):
        if table is not None:
            devices += _played(rig, title, table)
    if twice := doubled_name(device.name for device in devices):
        raise CaptureError(
            f"{rig.path}: '{twice}' of a played session is also a device of this rig; rename that of [[devices]]"
        )
    return devices


def phone_server(rig: RigFile) -> PhoneServer | None:
    """What the rig's phones connect to, as `[iphone]` says, not started yet; None where the rig has no phone."""
    table = rig.shared.get("iphone", {})
    if not table and not any(entry.driver == "iphone" for entry in rig.devices):
        return None
    from capture.iphone.server import PhoneServer
    from capture.iphone.settings import PhoneServerSettings

    told = checked(PhoneServerSettings, table, f"{rig.path}: [iphone]")
    return PhoneServer(told.listen, told.port, told.token)


def _played(rig: RigFile, title: str, table: PlayTable) -> list[Device]:
    folder: Path = rig.relative(table.session)
    faults = table.faults if isinstance(table, VirtualTable) else None
    seed = table.seed if isinstance(table, VirtualTable) else 0
    try:
        played = open_virtual_devices(folder, faults, speed=table.speed, seed=seed, loops=table.loops)
    except CaptureError as error:
        raise CaptureError(f"{rig.path}: [{title}]: {error}") from None
    return list(played)


def _kinect(rig: RigFile, name: str, settings: Any, server: PhoneServer | None) -> Device:
    from capture.azure_kinect.driver import KinectDriver

    return KinectDriver(name, settings)


def _realsense(rig: RigFile, name: str, settings: Any, server: PhoneServer | None) -> Device:
    from capture.realsense.driver import RealSenseDriver

    return RealSenseDriver(name, settings)


def _iphone(rig: RigFile, name: str, settings: Any, server: PhoneServer | None) -> Device:
    """All phones share one server."""
    from capture.iphone.driver import PhoneDriver

    assert server is not None
    return PhoneDriver(name, server, settings=settings)


def _record3d(rig: RigFile, name: str, settings: Mapping[str, Any], server: PhoneServer | None) -> Device:
    from capture.iphone.record3d_usb import Record3dDriver

    return Record3dDriver(name, value(settings, "serial", ""))


_MAKERS: Mapping[str, Callable[[RigFile, str, Any, PhoneServer | None], Device]] = {
    "azure_kinect": _kinect,
    "realsense": _realsense,
    "iphone": _iphone,
    "record3d": _record3d,
}
