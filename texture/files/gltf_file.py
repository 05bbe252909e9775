"""The container of a GLB file: arrays in one binary chunk, described by accessors and buffer views (glTF 2.0, 3.6)."""

from __future__ import annotations

import json
import struct
from typing import Any, Literal

import numpy as np
from jaxtyping import Shaped

from texture.errors import TextureError

Kind = Literal["SCALAR", "VEC2", "VEC3", "VEC4", "MAT4"]
_COMPONENTS = {"u1": 5121, "u2": 5123, "u4": 5125, "f4": 5126}
_VERTICES, _INDICES = 34962, 34963  # targets of a buffer view: ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER
_JSON, _BINARY = 0x4E4F534A, 0x004E4942


class GlbBuilder:
    """Collects arrays; `encode` puts them and a glTF document into one file. Every array starts on 4 bytes."""

    def __init__(self) -> None:
        """An empty file."""
        self._bytes = bytearray()
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []

    def view(self, data: bytes, target: int | None = None) -> int:
        """Appends bytes, such as an encoded image; returns the index of their buffer view."""
        self._bytes += b"\0" * (-len(self._bytes) % 4)
        view = {"buffer": 0, "byteOffset": len(self._bytes), "byteLength": len(data)}
        self._views.append(view if target is None else view | {"target": target})
        self._bytes += data
        return len(self._views) - 1

    def array(self, values: Shaped[np.ndarray, "count *components"], kind: Kind, target: int | None = None) -> int:
        """Appends an array with one element of `kind` in each row; returns the index of its accessor.

        The dtype (uint8, uint16, uint32, float32) is the component type. Rows must fill multiples of 4 bytes where
        they are vertex attributes.
        """
        values = np.ascontiguousarray(values)
        flat = values.reshape(len(values), -1)
        component = _COMPONENTS[values.dtype.newbyteorder("=").str[1:]]
        self._accessors.append(
            {
                "bufferView": self.view(flat.astype(values.dtype.newbyteorder("<")).tobytes(), target),
                "componentType": component,
                "count": len(flat),
                "type": kind,
                "min": flat.min(0).tolist(),
                "max": flat.max(0).tolist(),
            }
        )
        return len(self._accessors) - 1

    def vertex_attribute(self, values: Shaped[np.ndarray, "vertices components"], kind: Kind) -> int:
        """As `array`, for the GPU's vertex buffer."""
        return self.array(values, kind, _VERTICES)

    def indices(self, values: Shaped[np.ndarray, "corners"]) -> int:
        """As `array`, for vertex indices of triangles."""
        return self.array(values, "SCALAR", _INDICES)

    def encode(self, document: dict[str, Any]) -> bytes:
        """The file: the document with accessors and buffer views added, and the arrays.

        Raises TextureError for more than 4 GiB.
        """
        binary = bytes(self._bytes) + b"\0" * (-len(self._bytes) % 4)
        whole = {
            **document,
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(binary)}],
        }
        text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + len(binary)
        if total >= 1 << 32:
            raise TextureError(
                f"a GLB holds 4 GiB, this clip takes {total / 2**30:.1f}; export fewer frames, or use usd or obj"
            )
        header = struct.pack("<4sIIII", b"glTF", 2, total, len(text), _JSON)
        return header + text + struct.pack("<II", len(binary), _BINARY) + binary
