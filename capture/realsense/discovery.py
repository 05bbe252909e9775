"""Which RealSense units are attached, and what is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from capture.device import DeviceError
from capture.found_device import DriverReport, FoundDevice
from capture.realsense.sdk import info, load_sdk
from capture.realsense.unit import usb_problem

DRIVER = "realsense"
RULES = (Path("/etc/udev/rules.d"), Path("/lib/udev/rules.d"), Path("/usr/lib/udev/rules.d"))


def discover(context: Any = None) -> DriverReport:
    """What is attached. Never raises. `context`: the SDK's; made unless given."""
    try:
        rs = load_sdk()
        context = rs.context() if context is None else context
        devices = tuple(_found(unit) for unit in context.query_devices())
    except DeviceError as error:
        return DriverReport(driver=DRIVER, unavailable=str(error))
    except RuntimeError as error:
        return DriverReport(driver=DRIVER, unavailable=f"RealSense: the SDK cannot look for units: {error}")
    return DriverReport(driver=DRIVER, devices=devices, notes=_host_notes())


def _host_notes() -> tuple[str, ...]:
    """What is missing on this computer."""
    if not sys.platform.startswith("linux"):
        return ()
    if any(list(folder.glob("*realsense*")) for folder in RULES if folder.is_dir()):
        return ()
    return (
        "no udev rules of librealsense: units open for root alone; copy 99-realsense-libusb.rules to /etc/udev/rules.d",
    )


def _found(unit: Any) -> FoundDevice:
    problems = usb_problem(unit)
    firmware, advised = info(unit, "firmware_version"), info(unit, "recommended_firmware_version")
    if firmware and advised and _version(firmware) < _version(advised):
        problems.append(f"firmware {firmware} is older than {advised}, which the SDK advises; update it")
    if getattr(unit, "is_in_recovery_mode", bool)():
        problems.append("it is in recovery mode; write its firmware anew")
    return FoundDevice(
        driver=DRIVER,
        serial=info(unit, "serial_number"),
        model=info(unit, "name"),
        firmware=firmware,
        problems=tuple(problems),
    )


def _version(text: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in text.split(".")]
