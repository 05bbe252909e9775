"""Reading a camera file's parts with errors that name the file, the place and what was wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import GeometryError


def file_bytes(path: Path | str) -> bytes:
    """The whole file. Raises GeometryError when it is missing, empty or cannot be read."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise GeometryError(f"{path}: cannot read the camera file ({error.strerror})") from error
    if not content.strip():
        raise GeometryError(f"{path}: the camera file is empty; export it again")
    return content


def part(mapping: Mapping[str, Any], key: str, place: str) -> Any:
    """mapping[key]. Raises GeometryError that says where the key is missing."""
    if not isinstance(mapping, Mapping) or key not in mapping:
        raise GeometryError(f"{place}: '{key}' is missing")
    return mapping[key]


def numbers(mapping: Mapping[str, Any], key: str, shape: tuple[int, ...], place: str) -> np.ndarray:
    """mapping[key] as float64 of that shape. Raises GeometryError on another shape or anything but finite numbers."""
    value = part(mapping, key, place)
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.size != np.prod(shape) or array.shape not in (shape, (array.size,)) or not np.isfinite(array).all():
        size = "x".join(map(str, shape)) or "one"
        raise GeometryError(f"{place}: '{key}' must be {size} finite number(s), found {str(value)[:80]}")
    return array.reshape(shape)
