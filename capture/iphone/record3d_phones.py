"""Phones that Record3D's package can reach over USB, and why there is none."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from capture.device import DeviceError
from capture.found_device import DriverReport, FoundDevice

DRIVER, PACKAGE = "record3d", "record3d"
SOCKET = Path("/var/run/usbmuxd")


def discover(library: Any = None) -> DriverReport:
    """Phones that usbmuxd sees. Never raises."""
    try:
        library = load_library() if library is None else library
        found = [
            FoundDevice(driver=DRIVER, serial=phone_serial(p), model="iPhone") for p in library.get_connected_devices()
        ]
    except (DeviceError, RuntimeError) as error:
        return DriverReport(driver=DRIVER, unavailable=str(error))
    return DriverReport(driver=DRIVER, devices=tuple(found))


def load_library() -> Any:
    """The class `Record3DStream`. Raises DeviceError where it cannot work, with the next step."""
    try:
        library = importlib.import_module(PACKAGE).Record3DStream
    except ImportError as error:
        raise DeviceError(
            f"Record3D over USB: the package {PACKAGE} is missing ({error}); run: pip install 'humanrig[record3d]'"
        ) from None
    if sys.platform.startswith("linux") and not SOCKET.exists():
        raise DeviceError(
            f"Record3D over USB: usbmuxd does not run (no {SOCKET}); run: apt install usbmuxd, then plug the phone in"
        )
    return library


def find_phone(library: Any, name: str, serial: str) -> Any:
    """The phone with a UDID, or the only one. Raises DeviceError where there is none, or several and none was named."""
    phones = {phone_serial(phone): phone for phone in library.get_connected_devices()}
    there = ", ".join(phones) or "none"
    if serial and serial not in phones:
        raise DeviceError(f"{name}: no iPhone {serial} is connected (there: {there}); check its cable and its UDID")
    if not phones:
        raise DeviceError(f"{name}: no iPhone is connected; plug one in, unlock it and tap Trust")
    if not serial and len(phones) > 1:
        raise DeviceError(f"{name}: several iPhones are connected ({there}); write the UDID of one into rig.toml")
    return phones[serial or next(iter(phones))]


def phone_serial(phone: Any) -> str:
    """Its UDID."""
    return str(getattr(phone, "udid", "") or getattr(phone, "product_id", ""))
