"""Which Azure Kinects are attached, and what is wrong with them or with this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from capture.azure_kinect.description import MODEL
from capture.azure_kinect.display import display_problem
from capture.azure_kinect.finding import LibraryUnavailable
from capture.azure_kinect.library import K4aLibrary
from capture.azure_kinect.unit import KinectUnit, attached_count
from capture.azure_kinect.usb_ports import kinect_ports, port_problems
from capture.device import DeviceError
from capture.found_device import DriverReport, FoundDevice

DRIVER = "azure_kinect"
USBFS_MEMORY = Path("/sys/module/usbcore/parameters/usbfs_memory_mb")
USBFS_MB_EACH = 32
"""The SDK keeps up to 10 MB of transfers for a depth camera (`usb_cmd_priv.h`), and the colour camera its own; the
kernel's 16 MB for all devices together fail with errno 12 (Azure-Kinect-Sensor-SDK issues 485, 850 and 1316)."""


def discover(library: K4aLibrary | None = None) -> DriverReport:
    """The attached devices, each opened for a moment. A device that another program holds is listed with that."""
    try:
        library = library or K4aLibrary.load()
    except LibraryUnavailable as error:
        return DriverReport(driver=DRIVER, unavailable=str(error))
    with library.opening:
        count = attached_count(library)
        devices = tuple(_ask(library, index) for index in range(count))
    notes = [display_problem(), usbfs_problem(count), *port_problems(kinect_ports())]
    return DriverReport(driver=DRIVER, devices=devices, notes=tuple(note for note in notes if note))


def usbfs_problem(devices: int, setting: Path = USBFS_MEMORY) -> str | None:
    """Whether the kernel gives too little memory to USB for this many devices; None where it cannot be read."""
    try:
        megabytes = int(setting.read_text())
    except (OSError, ValueError):
        return None
    if megabytes == 0 or megabytes >= devices * USBFS_MB_EACH:  # 0: no limit
        return None
    return (
        f"usbfs_memory_mb is {megabytes}, at least {devices * USBFS_MB_EACH} are needed for {devices} Azure Kinects; "
        f"run: echo 1000 | sudo tee {setting}"
    )


def _ask(library: K4aLibrary, index: int) -> FoundDevice:
    try:
        unit = KinectUnit(library, f"Azure Kinect {index}", index)
    except DeviceError as error:
        return FoundDevice(driver=DRIVER, serial="", model=MODEL, problems=(str(error),))
    try:
        firmware, serial = unit.firmware, unit.serial
        library.places[serial] = index
        return FoundDevice(
            driver=DRIVER,
            serial=serial,
            model=MODEL,
            firmware=str(firmware),
            sync=_role(*unit.sync_jacks),
            problems=firmware.problems(),
        )
    except DeviceError as error:
        return FoundDevice(driver=DRIVER, serial="", model=MODEL, problems=(str(error),))
    finally:
        unit.close()


def _role(jack_in: bool, jack_out: bool) -> Literal["standalone", "master", "subordinate"]:
    if jack_in:
        return "subordinate"
    return "master" if jack_out else "standalone"
