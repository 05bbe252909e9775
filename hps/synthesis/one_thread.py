"""Processes whose numerical libraries use one thread each: sums over several round differently."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

VARIABLES: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Read by the libraries when a process loads them. With two threads of OpenBLAS instead of one a drawn motion differed
by 6e-10 rad: enough for other bytes and another checksum."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes that are started within have one thread for each library; this one stays as it is."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(dict.fromkeys(VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
