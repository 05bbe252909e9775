"""Arrays of an .npz or .npy file that may be damaged or hostile: no Python objects, no more memory than is fair.

`read_npz` is what readers use: numpy's own reader takes as much memory as a file claims, gives bytes for what is no
array, and raises whatever its parser of headers does.
"""

from __future__ import annotations

import io
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np

from geometry.unpacking import check_archive, most_bytes

DAMAGED: Final = (
    OSError, ValueError, LookupError, EOFError, RuntimeError, MemoryError, TypeError, AttributeError, OverflowError,
    SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
)  # fmt: skip
"""Everything that `np.load(path)[name]` raises for bytes that were cut off or changed, and for an array that lacks.

A changed byte is found by the checksum, by the decompressor before that, or makes a header that asks for a way of
packing that does not exist, or for a password, or that numpy's parser cannot parse. An array may say that it is larger
than any memory, and one of another kind or shape is of no use to its reader.
"""


def read_npz(
    source: Path | bytes, names: Collection[str] | None = None, *, without: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, or those of `names` that it has; those of `without` are not looked at.

    Raises FileNotFoundError, and another of DAMAGED for what is no whole .npz of plain arrays, or would become larger
    than a file of its size may (`geometry.unpacking`).
    """
    found: dict[str, np.ndarray] = {}
    with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as file:
        with zipfile.ZipFile(file) as archive:
            check_archive(archive, file.seek(0, io.SEEK_END))
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            for name in stored.files:
                if name in without or (names is not None and name not in names):
                    continue
                value = stored[name]
                if not isinstance(value, np.ndarray):
                    raise ValueError(f"'{name[:80]}' in it is no array")
                found[name] = value
    return found


def read_npy(path: Path) -> np.ndarray:
    """The array of an .npy file. Raises FileNotFoundError, and another of DAMAGED for anything else."""
    size = path.stat().st_size
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        old = version == (1, 0)
        header = np.lib.format.read_array_header_1_0(file) if old else np.lib.format.read_array_header_2_0(file)
        shape, _, dtype = header
        if not dtype.hasobject and int(np.prod([float(n) for n in shape])) * dtype.itemsize > most_bytes(size):
            raise ValueError(f"it says that it is {shape} {dtype}, in {size} bytes")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def damage(error: BaseException) -> str:
    """What such an error says of the file, in words for its user."""
    if "pickle" in str(error) or "not a zip" in str(error):  # numpy takes bytes that it does not know for objects
        return "it is no npz file, or was cut off"
    return " ".join(str(error).split())[:300] or type(error).__name__
