"""Pictures inside a page, so that it needs no file beside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import simplejpeg
from jaxtyping import UInt8

QUALITIES = (86, 78, 68, 55, 40)
"""JPEG qualities that are tried until all pictures of a page together are small enough."""


def jpeg(image: UInt8[np.ndarray, "rows columns 3"], quality: int) -> bytes:
    """An RGB picture as JPEG."""
    return simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorspace="RGB")


def jpegs_within(images: Sequence[UInt8[np.ndarray, "_ _ 3"]], most_bytes: int) -> list[bytes]:
    """All pictures at the best quality at which they have together no more bytes; else at the lowest."""
    found: list[bytes] = []
    for quality in QUALITIES:
        found = [jpeg(image, quality) for image in images]
        if sum(map(len, found)) <= most_bytes:
            break
    return found


def data_address(data: bytes, kind: str = "image/jpeg") -> str:
    """The bytes as an address that a page can hold."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def file_address(path: Path, kind: str) -> str:
    """A file's bytes as an address."""
    return data_address(path.read_bytes(), kind)
