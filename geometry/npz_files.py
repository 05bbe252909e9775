"""What reading a damaged .npz file may raise."""

from __future__ import annotations

import zipfile
import zlib
from typing import Final

DAMAGED: Final = (
    OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""Everything that `np.load(path)[name]` raises for bytes that were cut off or changed, and for an array that lacks.

A changed byte is found by the checksum, by the decompressor before that, or makes a header that asks for a way of
packing that does not exist, or for a password. An array may say that it is larger than any memory.
"""


def damage(error: Exception) -> str:
    """What such an error says of the file, in words for its user."""
    if "pickle" in str(error):  # numpy takes bytes that it does not know for Python objects
        return "it is no npz file, or was cut off"
    return str(error)
