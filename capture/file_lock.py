"""Locks on files that end with the process that holds them: who writes a recording, and who repairs it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from capture.errors import CaptureError


def lock(file: int) -> bool:
    """Locks an open file (its descriptor) until it is closed; False when somebody else holds it.

    True as well where the disk knows no locks, such as some network disks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def locked(files: Sequence[Path]) -> Iterator[None]:
    """Holds the locks of existing files. Raises CaptureError when one of them is being written or repaired."""
    with ExitStack() as opened:
        for path in files:
            try:
                file = opened.enter_context(path.open("rb"))
            except OSError as error:
                raise CaptureError(f"{path} cannot be opened ({error.strerror}); make it readable") from None
            if not lock(file.fileno()):
                raise CaptureError(f"{path} is still being recorded, or repaired by another program; wait for its end")
        yield
