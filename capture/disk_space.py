"""A full disk: told from other errors, and room kept to finish what is whole."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

RESERVE_BYTES = 16 * 2**20
"""Enough for the recording's index and the descriptions; the truth's arrays take the room of the working files."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: OSError) -> bool:
    """Whether a write failed because of a full disk, a used-up quota or a limit on the size of files."""
    return error.errno in _FULL


@dataclass(frozen=True)
class Reserve:
    """A file that holds some of the disk until it is needed."""

    path: Path

    @classmethod
    def of(cls, folder: Path) -> Reserve:
        """Takes RESERVE_BYTES of the disk that `folder` is on; raises OSError when there are not as many."""
        path = folder / ".reserve"
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
            else:
                file.write(bytes(RESERVE_BYTES))
        return cls(path)

    def free(self) -> None:
        """Gives the disk back; may be called twice."""
        self.path.unlink(missing_ok=True)
