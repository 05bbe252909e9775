"""What recording needs: the makers' libraries, each made to do what can be done without a device, and the USB side."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from capture.rig.looking import USBFS, USBFS_MB_PER_DEVICE, usbfs_memory_mb
from humanrig.doctor.finding import Finding, look, off, ok

RULES = (Path("/etc/udev/rules.d"), Path("/lib/udev/rules.d"), Path("/usr/lib/udev/rules.d"))
USB_DEVICES = Path("/sys/bus/usb/devices")
VENDORS = {"045e": "k4a", "8086": "realsense"}
"""Microsoft and Intel, as USB names them, and what the names of their rules hold."""


def azure_kinect() -> Iterator[Finding]:
    """The SDK's libraries load, and a display is there for live depth."""
    from capture.azure_kinect.display import display_problem
    from capture.azure_kinect.finding import LibraryUnavailable
    from capture.azure_kinect.library import K4aLibrary, open_shared
    from capture.azure_kinect.record_writer import RECORD_FUNCTIONS

    try:
        library = K4aLibrary.load()
    except LibraryUnavailable as error:
        why, _, fix = str(error).rpartition("; ")
        yield off("Azure Kinect", why, fix)
        return
    yield ok("Azure Kinect", f"{library.files.k4a.name} loads")
    if library.files.record is None:
        fix = "run: pip install --force-reinstall pyk4a-bundle==1.5.0"
        yield off("k4arecord", "it is not beside libk4a (.mkv files are read and written without it)", fix)
    else:
        try:
            open_shared(library.files.record, RECORD_FUNCTIONS)
            yield ok("k4arecord", f"{library.files.record.name} loads")
        except LibraryUnavailable as error:
            why, _, fix = str(error).rpartition("; ")
            yield off("k4arecord", why, fix)
    if problem := display_problem():
        why, _, fix = problem.rpartition("; ")
        yield off("depth engine", f"{why}; for live Azure Kinects alone", fix)
    else:
        yield ok("depth engine", "libGL, libX11 and an X display are there")


def realsense() -> Iterator[Finding]:
    """A recording of two frames is written by the SDK and played."""
    import numpy as np

    from capture.device import DeviceError
    from capture.native.realsense_plan import Lens
    from capture.native.realsense_recorder import RealSenseRecorder
    from capture.realsense.playback import RealSensePlayback
    from capture.realsense.sdk import load_sdk

    try:
        version = str(load_sdk().__version__)
    except DeviceError as error:
        why, _, fix = str(error).rpartition("; ")
        yield off("RealSense", why, fix)
        return
    lens = Lens(width=32, height=24, fx=30, fy=30, ppx=16, ppy=12, model="brown_conrady", coeffs=(0.0,) * 5)
    fix = "run: pip install pyrealsense2==2.59.1.11053"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "two.db3"
        info = {"name": "Intel RealSense D455", "serial_number": "000000000001", "product_line": "D400"}
        with RealSenseRecorder(path, info=info, lenses={"depth": lens}, places={}, rates_hz={"depth": 30}) as recorder:
            for number in range(2):
                depth = np.full((24, 32), 1000 + number, np.uint16)
                at = 1_000_000 + 33_333 * number
                recorder.write("depth", depth, device_us=at, host_us=at, number=number)
        with RealSensePlayback("doctor", path, real_time=False) as device:
            device.start()
            played = sum(1 for _ in device.frames())
    if played == 2:
        yield ok("RealSense", f"pyrealsense2 {version} records and plays")
    else:
        yield off("RealSense", f"pyrealsense2 {version} played {played} of 2 frames that it had recorded", fix)


def record3d() -> Iterator[Finding]:
    """The app's library over USB."""
    try:
        importlib.import_module("record3d")
    except ImportError as error:
        fix = "for an iPhone over USB, run: pip install record3d==1.4.1; phones also connect by humanrig phone serve"
        yield off("record3d", str(error), fix)
        return
    yield ok("record3d", "loads; it needs usbmuxd for a phone to be seen")


def usb() -> Iterator[Finding]:
    """Memory and rights that the kernel gives to USB cameras."""
    yield from usb_memory()
    yield from usb_rules()


def usb_memory(setting: Path = USBFS) -> Iterator[Finding]:
    """The kernel's memory for transfers."""
    memory = usbfs_memory_mb(setting)
    if memory is None:
        yield off("USB memory", f"{setting} cannot be read", "none is needed where no camera is attached")
    elif memory and memory < 2 * USBFS_MB_PER_DEVICE:
        fix = f"before recording with two USB cameras or more, run: echo 1000 | sudo tee {setting}"
        yield off("USB memory", f"{memory} MB for all devices, {USBFS_MB_PER_DEVICE} MB needed for each camera", fix)
    else:
        cameras = f"enough for {memory // USBFS_MB_PER_DEVICE} cameras" if memory else "no limit"
        yield ok("USB memory", f"{memory} MB, {cameras}")


def usb_rules(folders: Sequence[Path] = RULES, devices: Path = USB_DEVICES) -> Iterator[Finding]:
    """Whether a user who is not root may open the cameras."""
    attached = {_text(entry / "idVendor") for entry in _entries(devices)}
    names = [path.name for folder in folders if folder.is_dir() for path in folder.glob("*.rules")]
    for vendor, word in VENDORS.items():
        there = [name for name in names if word in name]
        line = f"udev rules ({word})"
        if there:
            yield ok(line, there[0])
            continue
        source = (
            "99-k4a.rules of the Azure Kinect SDK" if word == "k4a" else "99-realsense-libusb.rules of librealsense"
        )
        fix = f"copy {source} to /etc/udev/rules.d, run: sudo udevadm control --reload, and plug the camera in again"
        text = "none: only root may open these cameras"
        yield (
            look(line, f"{text}, and a device of this maker is attached", fix)
            if vendor in attached
            else off(line, text, f"for these cameras, {fix}")
        )


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
