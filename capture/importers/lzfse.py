"""LZFSE, Apple's packing: unpacked once its blocks say how much they hold, as the library takes all memory to find out.

Blocks (lzfse_internal.h of Apple's reference implementation): `bvx-` stored, `bvxn` LZVN, `bvx2` LZFSE, `bvx$` the end.
"""

from __future__ import annotations

import struct
from typing import Final

import liblzfse

MOST_BYTES: Final = 64 * 2**20
"""That one entry may become: ten times a depth image of the front camera."""
STORED, LZVN, LZFSE, END = b"bvx-", b"bvxn", b"bvx2", b"bvx$"


def unpacked(data: bytes) -> bytes:
    """The content. Raises ValueError for what is damaged, cut off, or claims more than MOST_BYTES."""
    claimed = claimed_bytes(data)
    if claimed > MOST_BYTES:
        raise ValueError(f"it would become {claimed / 2**20:.0f} MiB")
    if not claimed:
        return b""
    try:
        content = liblzfse.decompress(data)
    except (liblzfse.error, MemoryError) as error:
        raise ValueError(str(error) or "it cannot be unpacked") from None
    if len(content) != claimed:
        raise ValueError(f"it has {len(content)} bytes of {claimed}")
    return content


def claimed_bytes(data: bytes) -> int:
    """How many bytes its blocks say that they hold. Raises ValueError for blocks that are not whole."""
    at, claimed = 0, 0
    try:
        while data[at : at + 4] != END:
            (raw,) = struct.unpack_from("<I", data, at + 4)
            at += _block_size(data, at, raw)
            claimed += raw
    except struct.error:
        raise ValueError("it is cut off") from None
    return claimed


def _block_size(data: bytes, at: int, raw: int) -> int:
    kind = data[at : at + 4]
    if kind == STORED:
        return 8 + raw
    if kind == LZVN:
        return 12 + struct.unpack_from("<I", data, at + 8)[0]
    if kind == LZFSE:
        literals, matches, head = struct.unpack_from("<QQQ", data, at + 8)
        return max(32, head & 0xFFFF_FFFF) + (literals >> 20 & 0xF_FFFF) + (matches >> 40 & 0xF_FFFF)
    raise ValueError("it is cut off" if len(kind) < 4 else "it has an unknown block")
