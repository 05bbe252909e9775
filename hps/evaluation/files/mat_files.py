"""Arrays of numbers in MATLAB files of version 5, read here: a damaged file must be told, and scipy's reader may crash.

After MathWorks' "MAT-File Format": a header of 128 bytes, then elements of a tag and bytes, each as it is or deflated.
An element of an array has parts: flags, dimensions, name, and values, which may be stored in fewer bytes than they
have. Texts, cells and structures are passed over.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import Float

from geometry.unpacking import most_bytes
from hps.errors import HpsError

Order = Literal["<", ">"]

HEADER: Final = 128
ORDERS: Final[dict[bytes, Order]] = {b"\0\1IM": "<", b"\1\0MI": ">"}
"""Byte order, by the end of the header: version 5 and the letters MI as the writer's machine has them."""
DEFLATED: Final = 15
ARRAY: Final = 14
STORED: Final = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES: Final = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
"""Of arrays of numbers."""
COMPLEX: Final = 0x0800
BEGINNING: Final = 4096
"""Bytes of an array that hold its flags, dimensions and name."""


class _DamagedError(Exception):
    """What is wrong with the bytes."""


def mat_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of each array of numbers, without reading its values. Raises HpsError for a missing or damaged file."""
    try:
        content, order = _content(path)
        heads = (_head(part, order) for part in _elements(content, order, BEGINNING))
        return {head.name: head.shape for head in heads if head.kind in CLASSES}
    except (_DamagedError, struct.error, zlib.error) as error:
        raise HpsError(f"{path} is not a whole MATLAB file ({error}); extract it again") from None


@lru_cache(maxsize=16)
def _arrays(path: str) -> dict[str, np.ndarray | None]:
    """None for what is no array of real numbers."""
    try:
        content, order = _content(Path(path))
        return dict(_array(part, order) for part in _elements(content, order))
    except (_DamagedError, struct.error, zlib.error) as error:
        raise HpsError(f"{path} is not a whole MATLAB file ({error}); extract it again") from None


def mat_array(path: str, name: str) -> Float[np.ndarray, "..."]:
    """Numbers in float64. Raises HpsError for a missing or damaged file, and one that has no such numbers."""
    arrays = _arrays(path)
    if name not in arrays:
        raise HpsError(f"{path} has no {name}; extract the clip again")
    value = arrays[name]
    if value is None:
        raise HpsError(f"{path}: {name} is no array of real numbers")
    return value.astype(np.float64)


def forget_mat_files() -> None:
    """Opens every file anew from here on: one may have been written again since."""
    _arrays.cache_clear()


def _content(path: Path) -> tuple[memoryview, Order]:
    """Everything after the header, and < or > of the byte order."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise HpsError(f"{path} is missing; extract the clip again") from None
    except OSError as error:
        raise HpsError(f"{path} cannot be read: {error.strerror or error}") from None
    order = ORDERS.get(content[124:128])
    if order is None:
        raise _DamagedError("it has not the header of version 5")
    return memoryview(content)[HEADER:], order


def _parts(content: memoryview, order: Order) -> Iterator[tuple[int, memoryview]]:
    """Type and bytes of the elements, one after another; of the last one fewer bytes where the file is cut off."""
    at = 0
    while at + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, at)
        if kind >> 16:  # up to four bytes within the tag
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise _DamagedError(f"{size} bytes in a place for 4")
            yield kind, content[at + 4 : at + 4 + size]
            at += 8
        else:
            yield kind, content[at + 8 : at + 8 + size]
            at += 8 + (size if kind == DEFLATED else size + 7 & ~7)  # all but deflated ones end at multiples of 8


def _elements(content: memoryview, order: Order, beginning: int | None = None) -> Iterator[memoryview]:
    """The parts of each array; of one that is deflated no more than the `beginning` (None: all of it)."""
    left = most_bytes(len(content))
    for kind, part in _parts(content, order):
        if kind == DEFLATED:
            stream = zlib.decompressobj()
            inner = memoryview(stream.decompress(part, left if beginning is None else beginning))
            left -= len(inner)
            if left <= 0:
                raise _DamagedError(f"it would become more than {most_bytes(len(content)) / 2**30:.1f} GiB")
            if len(inner) < 8 or (beginning is None and not stream.eof):
                raise _DamagedError("an array is cut off")
            kind, part = struct.unpack_from(f"{order}I", inner)[0], inner[8:]
        if kind == ARRAY:
            yield part


@dataclass(frozen=True, slots=True)
class _Head:
    """What an array says before its values."""

    name: str
    shape: tuple[int, ...]
    kind: int
    """Class, with COMPLEX."""
    stored: int
    """How the values are stored; 0 where there are none."""
    values: memoryview


def _head(part: memoryview, order: Order) -> _Head:
    parts = [one for _, one in zip(range(4), _parts(part, order))]
    if len(parts) < 3 or len(parts[0][1]) != 8 or len(parts[1][1]) % 4:
        raise _DamagedError("an array is cut off")
    flags = struct.unpack_from(f"{order}I", parts[0][1])[0]
    shape = struct.unpack(f"{order}{len(parts[1][1]) // 4}i", parts[1][1])
    if len(shape) > 32 or any(n < 0 for n in shape):
        raise _DamagedError(f"an array of shape {shape[:8]}")
    stored, values = parts[3] if len(parts) > 3 else (0, memoryview(b""))
    return _Head(bytes(parts[2][1]).decode("latin1"), shape, flags & (0xFF | COMPLEX), stored, values)


def _array(part: memoryview, order: Order) -> tuple[str, np.ndarray | None]:
    head = _head(part, order)
    if head.kind not in CLASSES:
        return head.name, None
    kind = STORED.get(head.stored)
    if kind is None or len(head.values) != math.prod(head.shape) * np.dtype(kind).itemsize:
        raise _DamagedError(f"an array of shape {head.shape} in {len(head.values)} bytes")
    flat = np.frombuffer(head.values, np.dtype(kind).newbyteorder(order))
    return head.name, flat.astype(CLASSES[head.kind]).reshape(head.shape, order="F")
