"""libusb-1.0 for the libraries that link to it, out of the wheel `libusb-package` where the system has none."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
from functools import cache


@cache
def provide_libusb() -> None:
    """Loads it into this process, where a library of that name satisfies whatever is loaded later.

    Does nothing where the system has it or the wheel is missing: the import that follows then names what is missing.
    """
    if ctypes.util.find_library("usb-1.0") is not None:
        return
    try:
        libusb_package = importlib.import_module("libusb_package")
        ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
    except (ImportError, OSError):
        return
