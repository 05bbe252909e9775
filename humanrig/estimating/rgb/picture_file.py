"""A photograph as the detector wants it: upright RGB of 8 bits, and what had to be done to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from humanrig.errors import HumanrigError

ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
REFUSED: Final = {
    ".heic": "a HEIC picture, which needs a decoder that humanrig does not have; export it as JPEG (on an iPhone: "
    "Settings, Camera, Formats, Most Compatible)",
    ".heif": "a HEIF picture, which needs a decoder that humanrig does not have; export it as JPEG",
    ".avif": "an AVIF picture, which humanrig does not read; export it as JPEG or PNG",
    ".gif": "a GIF; export its pictures as PNG, or make an .mp4 of it",
    ".svg": "a drawing without pixels; people are looked for in photographs",
    ".dng": "a raw picture; develop it to JPEG first",
}
LEAST_SIDE: Final = 32
"""Pixels; nobody can be seen in less."""
MOST_PIXELS: Final = 200_000_000
"""Larger files are refused before they are unpacked: 200 MP is what the largest phones take."""
GREY: Final = 128
"""Under what is transparent."""
ORIENTATION: Final = 0x0112
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a stored picture upright, by its EXIF orientation (CIPA DC-008, tag 274)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Picture:
    """One photograph."""

    image: UInt8[np.ndarray, "rows columns 3"]
    """RGB, upright as a viewer shows it."""
    told: tuple[str, ...]
    """What was done to it, a sentence each."""


def is_picture(path: Path) -> bool:
    """By its name."""
    return path.suffix.lower() in ENDINGS or path.suffix.lower() in REFUSED


def read_picture(path: Path) -> Picture:
    """A photograph, turned as its EXIF data say. Raises HumanrigError for what is no whole photograph in colour."""
    ending = path.suffix.lower()
    if ending in REFUSED:
        raise HumanrigError(f"{path} is {REFUSED[ending]}")
    if not path.is_file():
        raise HumanrigError(f"there is no picture at {path}; check the path")
    told: list[str] = []
    try:
        with Image.open(path) as opened:
            _check_size(path, opened.size)
            stored = _stored(path, opened, told)
            turn = UPRIGHT.get(opened.getexif().get(ORIENTATION, 1))
    except UnidentifiedImageError:
        raise HumanrigError(f"{path} is no picture that can be read; give a JPEG, PNG, WebP or TIFF file") from None
    except Image.DecompressionBombError:
        raise HumanrigError(f"{path} has too many pixels to open; scale it down first") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise HumanrigError(f"{path} is damaged ({_plain(error)}); copy it again from its source") from None
    image = np.ascontiguousarray(np.asarray(stored if turn is None else stored.transpose(turn), np.uint8))
    return Picture(image=image, told=tuple(f"{path.name}: {sentence}" for sentence in told))


def _stored(path: Path, opened: Image.Image, told: list[str]) -> Image.Image:
    """As RGB of 8 bits, with its EXIF data. Raises as Pillow does, and HumanrigError for depth and masks."""
    if opened.mode in ("I", "F") or opened.mode.startswith("I;16"):
        raise HumanrigError(
            f"{path} has one channel of {'32' if opened.mode == 'F' else '16'} bits, as depth images have; people are "
            "looked for in colour pictures: give the colour picture, or use humanrig estimate points"
        )
    if opened.mode == "1":
        raise HumanrigError(f"{path} is black and white without greys, as masks are; give the photograph itself")
    opened.load()
    deep = _deep(path) if opened.format in ("PNG", "TIFF") else None
    if deep is not None:
        told.append("16 bits a channel; the upper 8 are used")
        picture = Image.fromarray(deep)
    else:
        picture = opened
    if "A" in picture.getbands() or "transparency" in picture.info:
        with_alpha = picture.convert("RGBA")
        if np.asarray(with_alpha.getchannel("A")).min() < 255:
            told.append("partly transparent; laid on grey")
            under = Image.new("RGBA", with_alpha.size, (GREY, GREY, GREY, 255))
            under.alpha_composite(with_alpha)
            with_alpha = under
        picture = with_alpha
    if picture.mode in ("L", "LA"):
        told.append("grey, where the detector was trained on colour")
    return picture.convert("RGB")


def _deep(path: Path) -> np.ndarray | None:
    """Colour of 16 bits reduced to 8, RGB or RGBA; None where the file has 8."""
    stored: Any = cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if stored is None or stored.dtype != np.uint16 or stored.ndim != 3:
        return None
    order = [2, 1, 0] if stored.shape[2] == 3 else [2, 1, 0, 3]
    return np.ascontiguousarray(stored[..., order] >> 8).astype(np.uint8)


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if min(width, height) < LEAST_SIDE:
        raise HumanrigError(f"{path} is {width}x{height} pixels; at least {LEAST_SIDE} on each side are needed")
    if width * height > MOST_PIXELS:
        raise HumanrigError(f"{path} is {width}x{height} pixels, too large to open; scale it down first")


def _plain(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
