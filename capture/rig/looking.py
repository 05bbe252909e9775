"""What is attached to this computer, asked of every driver, and what of the computer itself is wrong for a rig."""

from __future__ import annotations

import importlib
from pathlib import Path

from capture.found_device import DriverReport

FINDERS = {
    "azure_kinect": "capture.azure_kinect.discovery",
    "realsense": "capture.realsense.discovery",
    "iphone": "capture.iphone.discovery",
    "record3d": "capture.iphone.record3d_phones",
}
"""Driver to the module whose `discover()` looks for its devices."""
USBFS = Path("/sys/module/usbcore/parameters/usbfs_memory_mb")
USBFS_MB_PER_DEVICE = 32
"""Kernel memory for transfers. The default of 16 MB for all devices ends in libusb errors (errno 12) with two Azure
Kinects: SDK issues 485 and 1316; 32 MB for each is assumed to do."""


def look_everywhere() -> tuple[DriverReport, ...]:
    """One report for each driver; a driver that cannot even be loaded says so in its report."""
    return tuple(_look(driver, module) for driver, module in FINDERS.items())


def _look(driver: str, module: str) -> DriverReport:
    try:
        report = importlib.import_module(module).discover()
    except ImportError as error:
        return DriverReport(driver=driver, unavailable=f"it cannot be loaded ({error}); install humanrig again")
    except Exception as error:  # a driver's discover() must not raise; a rig of other drivers is still found
        reason = f"{type(error).__name__}: {error}"
        return DriverReport(driver=driver, unavailable=f"looking failed ({reason}); report this, other drivers work")
    return report


def usbfs_memory_mb(path: Path = USBFS) -> int | None:
    """The kernel's memory for USB transfers of all devices; None where it cannot be read; 0 has no limit."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def usbfs_warning(devices: int, *, path: Path = USBFS) -> str:
    """What is wrong with the memory for USB transfers of so many devices; empty when nothing is."""
    memory = usbfs_memory_mb(path)
    need = USBFS_MB_PER_DEVICE * devices
    if not devices or memory is None or memory == 0 or memory >= need:
        return ""
    return (
        f"usbfs memory is {memory} MB for {devices} USB devices, {need} MB needed; "
        f"run: echo {need} | sudo tee {path} (or boot with usbcore.usbfs_memory_mb={need})"
    )
