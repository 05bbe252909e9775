"""What decides whether two machines would compute the same: the program's code, its libraries and the body model."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

PACKAGES: Final = ("geometry", "body", "capture", "calibration", "registration", "texture", "hps", "humanrig")
LIBRARIES: Final = ("numpy", "scipy", "opencv-python-headless", "numba", "torch", "open3d-cpu", "ai-edge-litert", "av")
"""Those that results pass through: other versions may give other bytes."""


@cache
def identity() -> dict[str, str]:
    """Names and values that must be the same on every machine of a cluster. 40 ms, once for each process."""
    from body.loading import find_body_model
    from humanrig import __version__

    model = find_body_model().used
    return {
        "humanrig": __version__,
        "its code": _code(),
        "Python": platform.python_version(),
        "the body model": "none" if model is None else _short(hashlib.sha256(model.read_bytes())),
        **{name: _version(name) for name in LIBRARIES},
    }


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """What differs there from here, as words; empty where nothing does."""
    names = [name for name in here if here[name] != there.get(name)]
    return ", ".join(f"{name} is {there.get(name, 'missing')} there and {here[name]} here" for name in names)


def _code() -> str:
    """A hash over the sources and the names and sizes of the data files of all packages."""
    total = hashlib.sha256()
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
            files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
            for path in sorted(path for path in files if not path.name.startswith(".")):
                content = path.read_bytes() if path.suffix == ".py" else str(path.stat().st_size).encode()
                total.update(f"{package}/{path.relative_to(folder)}\0".encode() + content + b"\0")
    return _short(total)


def _short(total: hashlib._Hash) -> str:
    return total.hexdigest()[:12]


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "missing"
