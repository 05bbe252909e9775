"""Person masks on disk: masks/STREAM/NNNNNN.png, one grey level for each person."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Int, Integer

from geometry.coded_images import decode_image
from registration.errors import RegistrationError

BRIGHTEST, STEP = 255, 16
"""person00 is 255, person01 239, and so on; 0 is nobody."""
MAX_PEOPLE = 15
_LEVEL = np.array([BRIGHTEST - STEP * p if p < MAX_PEOPLE else 0 for p in range(256)], np.uint8)
_PERSON = np.array([-1] + [(BRIGHTEST - level) // STEP for level in range(1, 256)], np.int8)


def mask_path(folder: Path, stream: str, instant: int) -> Path:
    """Where the mask of a stream's image at an instant lies, below a session's folder `masks`."""
    return folder / stream / f"{instant:06d}.png"


def write_people(path: Path, person: Integer[np.ndarray, "rows columns"]) -> None:
    """Writes whose each pixel is: 0 for person00, 1 for person01, …, -1 for nobody.

    Raises RegistrationError for more than MAX_PEOPLE people, and when the disk refuses the file.
    """
    if person.size and person.max() >= MAX_PEOPLE:
        raise RegistrationError(f"{path}: {person.max() + 1} people, a mask holds {MAX_PEOPLE}")
    path.parent.mkdir(parents=True, exist_ok=True)
    image = _LEVEL[person.astype(np.uint8)]  # -1 becomes 255, which is nobody
    if not cv2.imwrite(str(path), image):
        raise RegistrationError(f"{path} could not be written; is the disk full?")


def read_people(path: Path) -> Int[np.ndarray, "rows columns"]:
    """Whose each pixel is, -1 for nobody's. Raises RegistrationError for a missing or damaged file."""
    return _PERSON[_read(path)]


def read_mask(path: Path, person: int | None = None) -> Bool[np.ndarray, "rows columns"]:
    """True on a person, or on anybody. Raises RegistrationError for a missing or damaged file."""
    whose = read_people(path)
    return np.asarray(whose >= 0 if person is None else whose == person)


def _read(path: Path) -> np.ndarray:
    image = decode_image(path.read_bytes(), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
    if image is None:
        raise RegistrationError(f"{path} is missing or damaged; run the stage masks again")
    return np.asarray(image)
