"""Tasks of the executors' tests: they need nothing but the standard library and humanrig.errors."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from humanrig.errors import HumanrigError
from humanrig.executors.executor import Tell


def add(tell: Tell, *, a: int, b: int) -> dict[str, int]:
    for done in range(1, 4):
        tell(done, 3)
    return {"sum": a + b, "pid": os.getpid()}


def refuse(tell: Tell, *, text: str) -> None:
    raise HumanrigError(text)


def stumble(tell: Tell) -> float:
    return 1 / 0


def not_json(tell: Tell) -> object:
    return {1, 2}


def die(tell: Tell, *, once: str | None = None) -> str:
    """Kills its own process; with `once`, only where that file is not yet there."""
    if once is not None:
        if Path(once).exists():
            return "lived"
        Path(once).touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return "not reached"


def exhaust(tell: Tell) -> None:
    raise MemoryError("Unable to allocate 9 TB")


def rest(tell: Tell, *, seconds: float, log: str | None = None) -> int:
    """Sleeps; notes when it began and ended, and its process, as lines of a file."""
    if log is not None:
        with Path(log).open("a") as file:
            file.write(f"begin {os.getpid()} {time.time()}\n")
    time.sleep(seconds)
    if log is not None:
        with Path(log).open("a") as file:
            file.write(f"end {os.getpid()} {time.time()}\n")
    return os.getpid()


def threads(tell: Tell) -> dict[str, str | None]:
    """What the numerical libraries of this process are told."""
    return {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
