"""The one door to Open3D: finds the shared libraries that a slim system lacks."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
import re
from functools import cache
from types import ModuleType

from geometry.errors import GeometryError

_DEBIAN_PACKAGE = {
    "libGL.so.1": "libgl1",
    "libgomp.so.1": "libgomp1",
    "libX11.so.6": "libx11-6",
    "libEGL.so.1": "libegl1",
}


@cache
def load_open3d() -> ModuleType:
    """The module `open3d`. Its libusb-1.0 comes from the wheel `libusb-package` when the system has none.

    Raises GeometryError that names the package to install when Open3D or one of its shared libraries is missing.
    """
    if ctypes.util.find_library("usb-1.0") is None:
        _preload_libusb()
    try:
        return importlib.import_module("open3d")
    except ModuleNotFoundError as error:
        raise GeometryError(f"module '{error.name}' is missing; run: pip install open3d-cpu==0.20.0") from error
    except (ImportError, OSError) as error:
        raise GeometryError(_missing_library(str(error))) from error


def _preload_libusb() -> None:
    """Open3D links to libusb-1.0.so.0; a library of that name already in the process satisfies it."""
    try:
        libusb_package = importlib.import_module("libusb_package")
        ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
    except (ImportError, OSError):
        return  # the import of Open3D that follows names what is missing


def _missing_library(message: str) -> str:
    found = re.search(r"(lib[\w.+-]+\.so[.\d]*)", message)
    library = found.group(1) if found else ""
    if library.startswith("libusb"):
        fix = "run: pip install libusb-package"
    elif library in _DEBIAN_PACKAGE:
        fix = f"run: apt-get install {_DEBIAN_PACKAGE[library]}"
    else:
        fix = "install the library that it names"
    return f"Open3D cannot be loaded ({message}); {fix}"
