"""Whether a PNG file is whole: decoders give half a picture, or noise, for one that is not.

OpenCV's takes as much memory as a chunk says that it is long, four gigabytes where a bit of that is changed.
"""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def is_whole_png(data: bytes) -> bool:
    """Whether all chunks up to the end mark are there, each with its checksum (PNG specification, 5.3)."""
    if not data.startswith(SIGNATURE):
        return False
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            return False
        name = data[at + 4 : at + 8]
        if zlib.crc32(memoryview(data)[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return False
        if name == b"IEND":
            return True
        at = end + 4
    return False
