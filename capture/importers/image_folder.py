"""A folder of numbered images as a stream: 000000.png, 000006.png, …"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt16

from capture.errors import CaptureError
from capture.importers.source_stream import SourceStream, image_header
from geometry.coded_images import decode_image
from geometry.png_chunks import SIGNATURE

COLOR_SUFFIXES = (".png", ".jpg", ".jpeg")
MM = 1000.0


def numbered_files(folder: Path, suffixes: tuple[str, ...]) -> dict[int, Path]:
    """Files by the number in their name (its last digits). Raises CaptureError without any, or on an odd name."""
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        digits = path.stem[len(path.stem.rstrip("0123456789")) :]
        if not digits or "." in path.stem:
            raise CaptureError(f"{path} has no frame number in its name; name images like 000000.png")
        if int(digits) in found:
            raise CaptureError(f"{found[int(digits)]} and {path.name} are both of frame {int(digits)}; keep one")
        found[int(digits)] = path
    if not found:
        raise CaptureError(f"{folder} has no image ({', '.join(suffixes)}); copy the recording again")
    return found


def color_folder(name: str, folder: Path, rate_hz: float) -> SourceStream:
    """Colour images, kept byte for byte. Raises CaptureError as `numbered_files` and `image_header` do."""
    files = numbered_files(folder, COLOR_SUFFIXES)
    first = next(iter(files.values()))
    encoding, width, height = image_header(file_bytes(first), str(first))
    return SourceStream(
        name=name, kind="color", encoding=encoding, rate_hz=rate_hz, numbers=sorted(files), width=width, height=height,
        read=lambda number: _checked(files[number]),
    )  # fmt: skip


def depth_folder(name: str, folder: Path, rate_hz: float, depth_scale: float = MM, shift: int = 0) -> SourceStream:
    """Depth PNGs of 16 bits, `depth_scale` units a metre; number n of a file becomes n + `shift`.

    Raises CaptureError as `numbered_files` and `depth_png` do.
    """
    files = {number + shift: path for number, path in numbered_files(folder, (".png",)).items()}
    first = depth_png(next(iter(files.values())), depth_scale)
    return SourceStream(
        name=name, kind="depth", encoding="dzp", rate_hz=rate_hz, numbers=sorted(files),
        width=first.shape[1], height=first.shape[0], read=lambda number: depth_png(files[number], depth_scale),
    )  # fmt: skip


def depth_png(path: Path, depth_scale: float = MM) -> UInt16[np.ndarray, "_ _"]:
    """Millimetres of a depth PNG; exact at 1000 units a metre, else rounded to whole millimetres.

    Raises CaptureError when it is missing, damaged, not of 16 bits and one channel, or deeper than 65.535 m.
    """
    data = file_bytes(path)
    image = decode_image(data, cv2.IMREAD_UNCHANGED) if data.startswith(SIGNATURE) else None
    if image is None:
        raise CaptureError(f"{path} is damaged or cut off; copy it again")
    if image.dtype != np.uint16 or image.ndim != 2:
        channels = 1 if image.ndim == 2 else image.shape[2]
        raise CaptureError(
            f"{path} has {8 * image.dtype.itemsize} bits and {channels} channel(s); a depth image has 16 and 1"
        )
    return to_millimetres(image, depth_scale, str(path))


def to_millimetres(image: UInt16[np.ndarray, "_ _"], depth_scale: float, where: str) -> UInt16[np.ndarray, "_ _"]:
    """Depth of `depth_scale` units a metre in millimetres. Raises CaptureError for what does not fit into 16 bits."""
    if depth_scale == MM:
        return image
    mm = np.rint(image * (MM / depth_scale))
    if mm.max(initial=0) > np.iinfo(np.uint16).max:
        raise CaptureError(f"{where}: {mm.max() / 1000:.0f} m at --depth-scale {depth_scale:g}; is the scale right?")
    return mm.astype(np.uint16)


def scale_note(depth_scale: float) -> str:
    """What was done to depth, for the device's note."""
    if not depth_scale > 0:
        raise CaptureError(f"--depth-scale {depth_scale} must be a positive number of units a metre")
    if depth_scale == MM:
        return "depth taken as millimetres, kept exactly"
    return f"depth of {depth_scale:g} units a metre, rounded to whole millimetres"


def file_bytes(path: Path) -> bytes:
    """The whole file. Raises CaptureError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}); copy the recording again") from None


def _checked(path: Path) -> bytes:
    data = file_bytes(path)
    image_header(data, str(path))
    return data
