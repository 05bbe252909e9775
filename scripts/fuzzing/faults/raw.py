"""Faults of any file: cut off, bits flipped, lengths changed, parts exchanged with another file's."""

from __future__ import annotations

import struct
from typing import Final

from fuzzing.faults.fault import Fault, Means

LENGTHS: Final = (
    0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0xFF_FFFF, 0x7FFF_FFFF, 0x8000_0000,
    0xFFFF_FFFE, 0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF,
)  # fmt: skip
MOST_BITS, MOST_BYTES = 8, 64


def truncated(data: bytes, means: Means) -> bytes:
    """Cut off anywhere, also before the first byte."""
    return data[: means.below(len(data))]


def bits_flipped(data: bytes, means: Means) -> bytes | None:
    """One to eight bits."""
    if not data:
        return None
    changed = bytearray(data)
    for _ in range(1 + means.below(MOST_BITS)):
        changed[means.place(len(data))] ^= 1 << means.below(8)
    return bytes(changed)


def bytes_changed(data: bytes, means: Means) -> bytes | None:
    """A run of random bytes, of zeros or of ones."""
    if not data:
        return None
    at, count = means.place(len(data)), 1 + means.below(MOST_BYTES)
    run = means.one([means.rng.bytes(count), bytes(count), b"\xff" * count])
    return data[:at] + run + data[at + count :]


def length_changed(data: bytes, means: Means) -> bytes | None:
    """A number of 1, 2, 4 or 8 bytes takes a value at an edge, or grows or shrinks by a little."""
    size = means.one((1, 2, 4, 8))
    if len(data) < size:
        return None
    at = means.place(len(data) - size + 1)
    order = means.one(("little", "big"))
    if means.rng.random() < 0.3:
        value = int.from_bytes(data[at : at + size], order) + means.one((-16, -2, -1, 1, 2, 16, 255))
    else:
        value = means.one(LENGTHS)
    return data[:at] + (value % (1 << 8 * size)).to_bytes(size, order) + data[at + size :]


def real_changed(data: bytes, means: Means) -> bytes | None:
    """A real number of 4 or 8 bytes is none, without end, or of no sensible size."""
    kind = means.one(("<f", "<d", ">f", ">d"))
    size = struct.calcsize(kind)
    if len(data) < size:
        return None
    at = (means.place(len(data) - size + 1) // 4) * 4
    value = means.one((float("nan"), float("inf"), float("-inf"), 3e38, -3e38, 1e-45, 0.0, -1.0))
    return data[:at] + struct.pack(kind, value) + data[at + size :]


def spliced(data: bytes, means: Means) -> bytes:
    """A beginning of this file and an end of another, or a part of another within this one."""
    other = means.other or data
    if means.rng.random() < 0.5:
        return data[: means.below(len(data) + 1)] + other[means.below(len(other) + 1) :]
    at, begin = means.below(len(data) + 1), means.below(len(other) + 1)
    part = other[begin : begin + 1 + means.below(512)]
    return data[:at] + part + data[at + (len(part) if means.rng.random() < 0.5 else 0) :]


def part_lost(data: bytes, means: Means) -> bytes:
    """Some bytes are left out."""
    at = means.below(len(data) + 1)
    return data[:at] + data[at + 1 + means.below(256) :]


def part_twice(data: bytes, means: Means) -> bytes:
    """Some bytes come twice, or many times."""
    at = means.below(len(data) + 1)
    part = data[at : at + 1 + means.below(256)]
    return data[:at] + part * means.one((2, 2, 3, 100)) + data[at:]


def junk_around(data: bytes, means: Means) -> bytes:
    """Something before the beginning or after the end."""
    junk = means.one([means.rng.bytes(1 + means.below(100)), bytes(4096), b"\xef\xbb\xbf", b"\n\n", b"PK\x03\x04"])
    return junk + data if means.rng.random() < 0.5 else data + junk


RAW: Final[dict[str, tuple[Fault, ...]]] = {
    "cut off": (truncated,),
    "bits flipped": (bits_flipped,),
    "bytes changed": (bytes_changed, junk_around),
    "lengths and sizes": (length_changed,),
    "NaN and extremes": (real_changed,),
    "spliced": (spliced, part_lost, part_twice),
}
"""By the name of the column in the table."""
