"""How an Azure Kinect .mkv begins: whether it is one, is whole, and was closed by its recorder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from capture.errors import CaptureError

HEAD_BYTES = 64 * 1024
SEGMENT, INFO, TRACKS = b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b"
"""Identifiers of Matroska elements (RFC 9559)."""


@dataclass(frozen=True, slots=True)
class MatroskaHead:
    """What the first bytes tell."""

    closed: bool
    """Whether the recorder wrote how long the file is, and nothing came after that: a flush writes it too."""
    has_info: bool
    """Whether it wrote the element that has the unit of time. libk4arecord does so when it is flushed or closed."""


def read_head(path: Path) -> MatroskaHead:
    """How the file begins. Raises CaptureError when it is missing, cut short or no Matroska file."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        size = path.stat().st_size
    except OSError as error:
        raise CaptureError(f"{path} cannot be opened ({error.strerror})") from None
    at = head[:256].find(SEGMENT)
    if at < 0 or at + 13 > len(head):
        raise CaptureError(f"{path} is not a Matroska recording; is it an Azure Kinect .mkv?")
    has_info = INFO in head[at : max(head.find(TRACKS), at)]
    length = 9 - head[at + 4].bit_length()
    stored = int.from_bytes(head[at + 4 : at + 4 + length], "big") & ((1 << 7 * length) - 1)
    if stored in (0, (1 << 7 * length) - 1):
        return MatroskaHead(closed=False, has_info=has_info)
    expected = at + 4 + length + stored
    if size < expected:
        raise CaptureError(f"{path} is truncated: {size} of {expected} bytes are there; copy it again")
    return MatroskaHead(closed=size == expected, has_info=has_info)
