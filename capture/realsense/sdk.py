"""The maker's library, imported when the first unit is looked for."""

from __future__ import annotations

import importlib
from typing import Any

from capture.device import DeviceError
from geometry.libusb_loading import provide_libusb

PACKAGE = "pyrealsense2"


def load_sdk() -> Any:
    """The module `pyrealsense2`. Raises DeviceError with the reason when it is missing or cannot be loaded."""
    provide_libusb()
    try:
        return importlib.import_module(PACKAGE)
    except ImportError as error:
        raise DeviceError(
            f"RealSense: the package {PACKAGE} cannot be loaded ({error}); install it with: pip install {PACKAGE}"
        ) from None


def info(unit: Any, name: str) -> str:
    """What a device or a sensor says under a name of `camera_info`; empty where it does not."""
    key = getattr(load_sdk().camera_info, name, None)
    try:
        return str(unit.get_info(key)) if key is not None and unit.supports(key) else ""
    except RuntimeError:
        return ""
