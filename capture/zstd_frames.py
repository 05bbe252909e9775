"""Zstandard whose size is known: the library takes as much memory as a frame says that it holds."""

from __future__ import annotations

import zstandard


def unpacked(data: bytes, size: int, decompressor: zstandard.ZstdDecompressor | None = None) -> bytes:
    """The content of a frame of `size` bytes, which may be fewer.

    Raises ZstdError for what is damaged or says that it holds more.
    """
    told = zstandard.frame_content_size(data)
    if told > size:
        raise zstandard.ZstdError(f"it says that it holds {told} bytes, {size} are expected")
    return (decompressor or zstandard.ZstdDecompressor()).decompress(data, max_output_size=max(size, 1))
