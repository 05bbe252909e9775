"""What a worker prints: kept off the terminal and out of results, and read when the worker died of it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

MOST_BYTES = 1 << 20
"""Of output of one task; then it begins anew."""
MOST_LETTERS = 200


class LastWords:
    """A file in memory that a worker writes to in place of the terminal; it is gone with the two processes."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("humanrig worker")

    @property
    def path(self) -> str:
        """Where the worker finds it."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def last_line(self) -> str:
        """The last line that says anything, such as `terminate called after throwing 'std::bad_alloc'`."""
        size = os.fstat(self._descriptor).st_size
        text = os.pread(self._descriptor, 4096, max(size - 4096, 0)).decode(errors="replace")
        said = [line.strip() for line in text.splitlines() if line.strip()]
        return said[-1][:MOST_LETTERS] if said else ""

    def close(self) -> None:
        """Lets go of it."""
        with suppress(OSError):
            os.close(self._descriptor)


def speak_into(path: str) -> bool:
    """From now on this process, and the libraries in it, print into the file of a `LastWords`. False where that file
    cannot be opened, as where /proc is not to be seen: what is printed then goes where it went."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return False
    sys.stdout.flush()
    sys.stderr.flush()
    for number in (1, 2):
        os.dup2(descriptor, number)
    os.close(descriptor)
    return True


def forget(least: int = 0) -> None:
    """Empties the file where it holds more than so many bytes; only after `speak_into` did its work."""
    if os.fstat(2).st_size > least:
        os.ftruncate(2, 0)
