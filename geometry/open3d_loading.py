"""The one door to Open3D: finds the shared libraries that a slim system lacks."""

from __future__ import annotations

import importlib
import re
from functools import cache
from types import ModuleType

from geometry.errors import GeometryError
from geometry.libusb_loading import provide_libusb

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
    provide_libusb()
    try:
        return importlib.import_module("open3d")
    except ModuleNotFoundError as error:
        raise GeometryError(f"module '{error.name}' is missing; run: pip install open3d-cpu==0.20.0") from error
    except (ImportError, OSError) as error:
        raise GeometryError(_missing_library(str(error))) from error


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
