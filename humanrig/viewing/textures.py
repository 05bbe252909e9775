"""Textures as small as a page needs them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from geometry.coded_images import decode_jpeg
from humanrig.errors import HumanrigError

SIDE = 1024
"""Texels on a side that a page gets; 2048 take four times as long to send and draw, and are hardly told apart."""
QUALITY = 85


def small_texture(path: Path, side: int = SIDE) -> bytes:
    """The JPEG, scaled down to at most `side` rows and columns. Raises HumanrigError for a damaged file."""
    try:
        image = decode_jpeg(path.read_bytes(), min_height=side, min_width=side, min_factor=1)
    except ValueError as error:
        raise HumanrigError(f"{path} is damaged ({error}); run the stage texture again") from None
    rows, columns = image.shape[:2]
    if max(rows, columns) > side:
        scale = side / max(rows, columns)
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=QUALITY, colorspace="RGB")
