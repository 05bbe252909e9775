"""Named arrays and what describes them as one block of bytes that a page unpacks.

The bytes, little-endian, as a whole packed with gzip: the length of the header (uint32), the header (JSON, UTF-8,
filled up with spaces), the arrays one after the other. All of them start at a multiple of four bytes. Where the header
says {"array": n}, the n-th of its "arrays" is meant: {"type", "shape", "start"}, the start counted from the first
array. humanrig/templates/scene_player.js reads the same.
"""

from __future__ import annotations

import gzip
import json
import struct
from typing import Any, Final

import numpy as np

TYPES: Final = {"u8": np.uint8, "i8": np.int8, "u16": np.uint16, "i16": np.int16, "u32": np.uint32, "f32": np.float32}
"""What a page knows as typed arrays."""
_NAMES = {np.dtype(kind): name for name, kind in TYPES.items()}
_LEVEL = 9


class Packer:
    """Collects arrays."""

    def __init__(self) -> None:
        """None yet."""
        self._arrays: list[dict[str, Any]] = []
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, array: np.ndarray) -> dict[str, int]:
        """What stands in the header for the array. Its type must be one of TYPES."""
        data = np.ascontiguousarray(array).tobytes()
        about = {"type": _NAMES[array.dtype], "shape": list(array.shape), "start": self._length}
        self._arrays.append(about)
        self._parts.append(data + bytes(-len(data) % 4))
        self._length += len(self._parts[-1])
        return {"array": len(self._arrays) - 1}

    def pack(self, header: dict[str, Any]) -> bytes:
        """All of it; the same bytes for the same contents."""
        text = json.dumps(header | {"arrays": self._arrays}, allow_nan=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        whole = struct.pack("<I", len(text)) + text + b"".join(self._parts)
        return gzip.compress(whole, _LEVEL, mtime=0)


def unpack(data: bytes) -> dict[str, Any]:
    """The header with its arrays in their places."""
    whole = gzip.decompress(data)
    (length,) = struct.unpack_from("<I", whole)
    header: dict[str, Any] = json.loads(whole[4 : 4 + length])
    arrays = []
    for about in header.pop("arrays"):
        shape, kind = about["shape"], TYPES[about["type"]]
        start = 4 + length + about["start"]
        arrays.append(np.frombuffer(whole, kind, int(np.prod(shape)), start).reshape(shape))

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"array"}:
                return arrays[value["array"]]
            return {key: filled(one) for key, one in value.items()}
        return [filled(one) for one in value] if isinstance(value, list) else value

    return filled(header)
