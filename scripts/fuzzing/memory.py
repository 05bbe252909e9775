"""How much memory a process took at most since it was last asked, and how much more it may take."""

from __future__ import annotations

import resource
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def limit(more: int) -> None:
    """No more address space than is taken now and `more` bytes."""
    taken = _kilobytes("VmSize") * 1024 + more
    resource.setrlimit(resource.RLIMIT_AS, (taken, taken))


def begin() -> int:
    """Forgets the peak; returns the bytes that are resident now."""
    CLEAR.write_text("5")  # proc(5): resets VmHWM
    return _kilobytes("VmRSS") * 1024


def peak() -> int:
    """The most bytes that were resident since `begin`."""
    return _kilobytes("VmHWM") * 1024


def _kilobytes(name: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"{STATUS} has no {name}")
