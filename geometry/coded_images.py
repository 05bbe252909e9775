"""PNG and JPEG that may be damaged: a picture, or nothing; one that says that it is huge is not decoded."""

from __future__ import annotations

import io
import struct
from typing import Any, Final

import cv2
import numpy as np
import simplejpeg
from jaxtyping import UInt8

from geometry.png_chunks import SIGNATURE as PNG
from geometry.png_chunks import is_whole_png

JPEG = b"\xff\xd8"
MOST_PIXELS: Final = 100_000_000
"""Eight times what the largest colour mode of a sensor has; 300 MB as RGB."""


def decode_image(content: bytes, flags: int) -> Any:
    """The picture as `cv2.imdecode` gives it with these flags; None for what is no whole picture, or too large."""
    if content[:8] == PNG and not is_whole_png(content):
        return None
    size = image_size(content) or _size_of_other(content)
    if size is None or not 0 < size[0] * size[1] <= MOST_PIXELS:
        return None
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        return None


def decode_jpeg(content: bytes, colorspace: str = "RGB", **options: Any) -> UInt8[np.ndarray, "rows columns channels"]:
    """As `simplejpeg.decode_jpeg`. Raises ValueError for what is no whole JPEG, and for one that is too large."""
    width, height = image_size(content) or (0, 0)
    if content[:2] != JPEG or not 0 < width * height <= MOST_PIXELS:
        raise ValueError(f"a JPEG of {width}x{height} pixels" if content[:2] == JPEG else "not a JPEG")
    return simplejpeg.decode_jpeg(content, colorspace=colorspace, **options)


def _size_of_other(content: bytes) -> tuple[int, int] | None:
    """Of a picture of another encoding, such as WebP."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as opened:
            return opened.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def image_size(content: bytes) -> tuple[int, int] | None:
    """Width and height that a PNG or JPEG says that it has; None for anything else."""
    if content[:8] == PNG:
        return struct.unpack_from(">II", content, 16) if len(content) >= 24 else None
    if content[:2] != JPEG:
        return None
    at = 2
    while at + 9 <= len(content):
        if content[at] != 0xFF:
            at += 1
            continue
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # SOF0 to SOF15, ITU T.81 table B.1
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        alone = marker in (0x01, 0xFF) or 0xD0 <= marker <= 0xD8
        at += 1 if marker == 0xFF else 2 if alone else 2 + struct.unpack_from(">H", content, at + 2)[0]
    return None
