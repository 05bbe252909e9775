"""A person mask on disk: masks/STREAM/NNNNNN.png, 255 on the person."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool

from registration.errors import RegistrationError


def mask_path(folder: Path, stream: str, instant: int) -> Path:
    """Where the mask of a stream's image at an instant lies, below a session's folder `masks`."""
    return folder / stream / f"{instant:06d}.png"


def write_mask(path: Path, mask: Bool[np.ndarray, "rows columns"]) -> None:
    """Writes a mask. Raises RegistrationError when the disk refuses it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), mask.astype(np.uint8) * 255):
        raise RegistrationError(f"{path} could not be written; is the disk full?")


def read_mask(path: Path) -> Bool[np.ndarray, "rows columns"]:
    """True on the person. Raises RegistrationError for a missing or damaged file."""
    data = np.fromfile(path, np.uint8) if path.is_file() else np.zeros(0, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if image is None:
        raise RegistrationError(f"{path} is missing or damaged; run the stage masks again")
    return np.asarray(image > 127)
