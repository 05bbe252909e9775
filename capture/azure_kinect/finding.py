"""Where the Azure Kinect SDK's C libraries are: named by a setting, or inside the installed pyk4a-bundle wheel."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.device import DeviceError

SETTING = "HUMANRIG_K4A_LIBRARY"
WHEEL_FOLDER = "pyk4a_bundle.libs"
"""Beside the wheel's Python package, which is never imported: it was compiled for NumPy 1."""


class LibraryUnavailable(DeviceError):
    """The SDK's libraries cannot be used on this computer; the message says why and what to install."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryFiles:
    """Paths of the shared libraries."""

    k4a: Path
    record: Path | None
    """libk4arecord; None where it is not installed."""


def find_library(path: Path | str | None = None, search: Sequence[str] | None = None) -> LibraryFiles:
    """The libraries at `path` (a folder or libk4a itself), else where the setting says, else in the wheel.

    `search` are folders of Python packages, by default `sys.path`. Raises LibraryUnavailable when there are none.
    """
    named = path or os.environ.get(SETTING)
    if named:
        return _at(Path(named), "the path given" if path else f"the setting {SETTING}")
    for entry in sys.path if search is None else search:
        folder = Path(entry or ".") / WHEEL_FOLDER
        if folder.is_dir():
            return _at(folder, "the package pyk4a-bundle")
    raise LibraryUnavailable(
        "the Azure Kinect SDK is not installed: the package pyk4a-bundle (Linux on x86-64, Python below 3.13) is "
        f"missing; run pip install pyk4a-bundle==1.5.0, or set {SETTING} to a folder with libk4a.so"
    )


def load_failure(file: Path, error: OSError) -> LibraryUnavailable:
    """Why the dynamic linker refused a library, with the next step."""
    text = str(error)
    if match := re.search(r"version [`']GLIBC(XX)?_([\d.]+)'", text):
        library = "C++ library (libstdc++)" if match[1] else "C library (glibc)"
        return LibraryUnavailable(
            f"{file.name} needs a newer {library}, version {match[2]}: this system's is too old; use Debian 12, "
            "Ubuntu 22.04 or later"
        )
    if match := re.search(r"(lib[\w+.-]+\.so[\w.]*): cannot open shared object", text):
        if match[1] != file.name:
            return LibraryUnavailable(
                f"{file.name} needs {match[1]}, which is not installed; {_package(match[1])} and try again"
            )
        return LibraryUnavailable(f"{file} does not exist; install pyk4a-bundle==1.5.0 again or correct {SETTING}")
    return LibraryUnavailable(f"{file} cannot be loaded ({text}); install pyk4a-bundle==1.5.0 again")


def _package(library: str) -> str:
    known = {
        "libGL.so.1": "libgl1",
        "libX11.so.6": "libx11-6",
        "libudev.so.1": "libudev1",
        "libusb-1.0.so.0": "libusb-1.0-0",
    }
    return f"install it (Debian, Ubuntu: apt install {known[library]})" if library in known else "install it"


def _at(place: Path, source: str) -> LibraryFiles:
    folder = place if place.is_dir() else place.parent
    k4a = place if place.is_file() else _first(folder, r"libk4a(-\w+)?\.so")
    if k4a is None:
        raise LibraryUnavailable(
            f"{source} leads to {place}, where there is no libk4a.so; correct it or install it again"
        )
    return LibraryFiles(k4a=k4a, record=_first(folder, r"libk4arecord(-\w+)?\.so"))


def _first(folder: Path, pattern: str) -> Path | None:
    if not folder.is_dir():
        return None
    return next((path for path in sorted(folder.iterdir()) if re.match(pattern, path.name)), None)
