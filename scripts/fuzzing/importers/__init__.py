"""The readers of each kind of file, and how small whole files of it are made."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[3] / "tests"
HELPERS = (
    "capture",
    "calibration",
    "humanrig",
    "registration",
    "hps/datasets",
    "hps/synthesis",
    "hps/evaluation/files",
    "hps/evaluation",
)


def use_writers_of_tests() -> None:
    """Layouts of others are written by the tests' own small writers: one place knows them."""
    for name in HELPERS:
        if str(TESTS / name) not in sys.path:
            sys.path.append(str(TESTS / name))
