"""Run-time checks of array shapes in all packages, one thread per library, and the folder of real recordings."""

from __future__ import annotations

import ast
import os

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from pathlib import Path  # noqa: E402

import jaxtyping  # noqa: E402
import jaxtyping._import_hook as _hook  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("shared_machine", deadline=None)  # a time limit for each example fails on a busy machine
settings.load_profile("shared_machine")

_is_no_type_check = _hook._is_no_type_check


def _skips_checks(decorator: ast.AST) -> bool:
    """numba compiles the function itself and cannot take one that a type checker has wrapped."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return _is_no_type_check(decorator) or getattr(function, "attr", getattr(function, "id", "")) in _NUMBA


_NUMBA = ("njit", "jit", "vectorize", "guvectorize", "stencil", "kernel")  # kernel: body.garments.kernels
_hook._is_no_type_check = _skips_checks
jaxtyping.install_import_hook(
    ["geometry", "body", "capture", "calibration", "registration", "texture", "hps", "humanrig"], "beartype.beartype"
)

from geometry.libusb_loading import provide_libusb  # noqa: E402

provide_libusb()  # tests import pyrealsense2 and Open3D by themselves


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings; the test is skipped where there is none."""
    folder = os.environ.get("HUMANRIG_REAL_DATA")
    if not folder:
        pytest.skip("needs real recordings: set HUMANRIG_REAL_DATA to their folder")
    if not Path(folder).is_dir():
        pytest.skip(f"HUMANRIG_REAL_DATA names {folder}, which is not a folder")
    return Path(folder)


LONGEST_FIRST = (
    "capture/test_virtual_take.py",
    "calibration/test_intrinsics.py",
    "humanrig/test_register_stage.py",
    "humanrig/test_texture_stage.py",
)
"""Files that one process is busy with for long: begun last, the others would wait for it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first; `make test` hands files out in this order (--no-loadscope-reorder)."""
    tests = Path(__file__).parent
    paths = {tests / name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: paths.get(item.path, len(paths)))
