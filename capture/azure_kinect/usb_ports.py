"""At which USB ports Azure Kinects hang, as the Linux kernel tells: too slow a port, too many at one controller."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

USB_DEVICES = Path("/sys/bus/usb/devices")
DEPTH_CAMERA = ("045e", "097c")
"""Vendor and product of the unit that has the serial number (Azure Kinect SDK, `usb_cmd_priv.h`)."""
USB_3_MBITS = 5000
EACH_CONTROLLER = 3
"""Devices at 30 Hz that one host controller is reported to carry (Azure-Kinect-Sensor-SDK pull request 958; the rig of
ten in issue 971 has four controllers on each of its three cards)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UsbPort:
    """Where one device hangs."""

    place: str
    """The kernel's name of the port, such as `2-1.4`."""
    serial: str
    mbits: int
    """Speed of the connection."""
    controller: str
    """PCI address of the host controller."""


def kinect_ports(root: Path = USB_DEVICES) -> tuple[UsbPort, ...]:
    """The ports of all attached devices, also of those that cannot be opened; none where the kernel does not tell."""
    try:
        entries = sorted(root.iterdir())
    except OSError:
        return ()
    found = []
    for entry in entries:
        if (_text(entry / "idVendor"), _text(entry / "idProduct")) != DEPTH_CAMERA:
            continue
        speed = _text(entry / "speed")
        found.append(
            UsbPort(
                place=entry.name,
                serial=_text(entry / "serial"),
                mbits=int(speed) if speed.isdecimal() else 0,
                controller=_controller(entry.resolve()),
            )
        )
    return tuple(found)


def port_problems(ports: tuple[UsbPort, ...]) -> tuple[str, ...]:
    """What is wrong with them, a sentence each, with the next step."""
    problems = [
        f"Azure Kinect {port.serial or port.place} hangs at USB port {port.place} with {port.mbits} Mbit/s; plug it "
        "into a USB 3 port, without a hub"
        for port in ports
        if 0 < port.mbits < USB_3_MBITS
    ]
    by_controller: defaultdict[str, list[UsbPort]] = defaultdict(list)
    for port in ports:
        by_controller[port.controller].append(port)
    problems += [
        f"{len(group)} Azure Kinects hang at the USB controller {controller}, which carries {EACH_CONTROLLER} at 30 "
        f"Hz; move {len(group) - EACH_CONTROLLER} to another controller"
        for controller, group in by_controller.items()
        if len(group) > EACH_CONTROLLER
    ]
    return tuple(problems)


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _controller(device: Path) -> str:
    """The folder above `usbN`, which is the controller on its bus."""
    for parent in device.parents:
        if parent.name.startswith("usb") and parent.name[3:].isdecimal():
            return parent.parent.name
    return ""
