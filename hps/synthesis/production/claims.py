"""Who works on what: locks on the bytes of one file, which end with the process that holds them."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NAME: Final = ".claims"
_HELD: Final = (errno.EACCES, errno.EAGAIN)
_WHOLE, _FIRST_SHARD = 0, 1


class Claims:
    """The claims of one data set, as one process sees them: it opens the file once.

    Locks of POSIX: a process that is killed holds none, a process does not shut out itself, network disks keep them.
    Where a disk knows no locks, every claim is granted: then only one program may work on a data set.
    """

    def __init__(self, folder: Path) -> None:
        """Raises OSError where the folder cannot be written."""
        self._file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)

    def close(self) -> None:
        """Lets go of everything."""
        os.close(self._file)

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def shard(self, index: int) -> Iterator[bool]:
        """Holds a shard; False where another process does."""
        with self._held(_FIRST_SHARD + index) as mine:
            yield mine

    @contextmanager
    def whole(self, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Holds what concerns the data set as a whole (its tables, its manifest). Waits, after `on_wait`, for another
        program that does."""
        with self._held(_WHOLE) as mine:
            if mine:
                yield
                return
        on_wait()
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, _WHOLE)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _WHOLE)

    @contextmanager
    def _held(self, byte: int) -> Iterator[bool]:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError as error:
            yield error.errno not in _HELD
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)
