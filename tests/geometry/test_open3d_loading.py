"""Loading Open3D: what a slim system lacks is found or named."""

from __future__ import annotations

import ctypes.util
import importlib

import pytest

from geometry import open3d_loading
from geometry.errors import GeometryError


@pytest.fixture
def load(monkeypatch):
    def failing(error: Exception):
        def refuse(name):
            raise error if name == "open3d" else ImportError(name)

        monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
        monkeypatch.setattr(importlib, "import_module", refuse)
        return open3d_loading.load_open3d.__wrapped__

    return failing


def test_open3d_loads_here():
    assert open3d_loading.load_open3d().__version__.startswith("0.")


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (ImportError("libGL.so.1: cannot open shared object file: No such file"), "apt-get install libgl1"),
        (OSError("libusb-1.0.so.0: cannot open shared object file"), "pip install libusb-package"),
        (ImportError("libfoo.so.3: cannot open shared object file"), "install the library that it names"),
        (ModuleNotFoundError("No module named 'open3d'", name="open3d"), "pip install open3d-cpu"),
    ],
)
def test_what_is_missing_is_named_with_its_fix(load, error, fix):
    with pytest.raises(GeometryError, match=fix):
        load(error)()
