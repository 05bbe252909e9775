"""A depth image from a file: a PNG of one channel with 16 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32

from geometry.coded_images import decode_image
from geometry.depth import decode_depth_mm
from humanrig.errors import HumanrigError

STEPS: Final = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
"""Millimetres in a step of each unit."""


def read_depth_image(path: Path, unit: str = "mm") -> Float32[np.ndarray, "rows columns"]:
    """Metres, NaN where the file has 0. Raises HumanrigError for what is no depth image."""
    if not path.is_file():
        raise HumanrigError(f"there is no depth image at {path}; check the path")
    depth = decode_image(path.read_bytes(), cv2.IMREAD_UNCHANGED)
    if depth is None or depth.ndim != 2 or depth.dtype != np.uint16:
        kind = "no picture" if depth is None else f"{depth.dtype} with shape {depth.shape}"
        raise HumanrigError(f"{path} is {kind}; a depth image is a PNG of one channel with 16 bits, in millimetres")
    return decode_depth_mm(depth) * np.float32(STEPS[unit])
