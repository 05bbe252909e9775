"""Makes this process die, or its disk fail, at the n-th change that it makes to a folder.

Python tells what it is about to do to files as audit events (PEP 578); an event handler can end the process or raise
an error in place of the change. A handler cannot be taken away again, so it belongs into a process that ends.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_CHANGES = {
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.utime", "os.chmod",
    "shutil.rmtree", "shutil.copyfile", "shutil.move",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class AtChange:
    """Counts the changes below a folder, and does something at one of them."""

    def __init__(self, folder: Path, at: int, fault: Callable[[str], None]) -> None:
        """`at` 1 is the first change; 0 only counts. `fault` is told the path and may raise OSError."""
        self.count = 0
        self._under, self._at, self._fault = os.fspath(folder.resolve()), at, fault

    def arm(self) -> None:
        """From now on, until this process ends."""
        sys.addaudithook(self._heard)

    def _heard(self, event: str, given: tuple) -> None:
        if not (event in _CHANGES or (event == "open" and given[2] & _WRITING)):
            return
        path = given[0]
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.fsdecode(path)
        # a relative name with the descriptor of its folder is what rmtree removes
        if os.path.isabs(name) and not name.startswith(self._under):
            return
        self.count += 1
        if self.count == self._at:
            self._fault(name)


def die(path: str) -> None:
    """Ends this process as kill -9 and a used-up memory do: nothing is tidied."""
    os.kill(os.getpid(), signal.SIGKILL)


def failing(number: int) -> Callable[[str], None]:
    """Raises the system's error of that number, such as errno.ENOSPC."""

    def fail(path: str) -> None:
        raise OSError(number, os.strerror(number), path)

    return fail
