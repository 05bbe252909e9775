"""What is attached: one line for each unit that a driver can see, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundDevice:
    """One unit that a driver's `discover()` saw, without opening it for longer than it takes to ask."""

    driver: str
    """`azure_kinect`, `realsense`, `iphone`, `record3d`."""
    serial: str
    """Empty when the unit could not be asked."""
    model: str = ""
    firmware: str = ""
    sync: Literal["standalone", "master", "subordinate", ""] = ""
    """Its place on the cable as its sockets tell; empty where it does not tell."""
    problems: tuple[str, ...] = ()
    """What is wrong, a sentence each, with the next step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriverReport:
    """What one driver found, or why it cannot look."""

    driver: str
    devices: tuple[FoundDevice, ...] = ()
    unavailable: str = ""
    """Why this driver cannot run on this computer (a missing library, no display), with the next step."""
    notes: tuple[str, ...] = ()
    """What is worth knowing of the host for this driver (usbfs memory, no X server)."""
