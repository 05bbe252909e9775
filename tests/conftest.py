"""Run-time checks of array shapes in all packages, one thread per library, and the folder of real recordings."""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from pathlib import Path  # noqa: E402

import jaxtyping  # noqa: E402
import pytest  # noqa: E402

jaxtyping.install_import_hook(
    ["geometry", "body", "capture", "calibration", "registration", "texture", "hps", "humanrig"], "beartype.beartype"
)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings; the test is skipped where there is none."""
    folder = os.environ.get("HUMANRIG_REAL_DATA")
    if not folder:
        pytest.skip("needs real recordings: set HUMANRIG_REAL_DATA to their folder")
    if not Path(folder).is_dir():
        pytest.skip(f"HUMANRIG_REAL_DATA names {folder}, which is not a folder")
    return Path(folder)
