"""The readers of each kind of file, and how small whole files of it are made."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

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


def of_tests(module: str) -> Any:
    """A module of the tests. Layouts of others are written by the tests' own small writers: one place knows them."""
    for name in HELPERS:
        if str(TESTS / name) not in sys.path:
            sys.path.append(str(TESTS / name))
    return import_module(module)
