"""Faults of pictures: sizes of their own telling, chunks with checksums that fit, texts that swell."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from fuzzing.faults.fault import HOSTILE_WORDS, Fault, Means

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
SIDES: Final = (0, 1, 2, 7, 100, 4096, 10_000, 20_000, 65_535, 65_536, 1_000_000, 0x7FFF_FFFF, 0xFFFF_FFFF)


def size_changed(data: bytes, means: Means) -> bytes | None:
    """The head says another width, height, number of bits or kind of colour, and its checksum fits."""
    if data[:8] == PNG and data[12:16] == b"IHDR":
        width, height, bits, color, packing, filtering, interlace = struct.unpack(">IIBBBBB", data[16:29])
        kind = means.below(4)
        if kind != 1:
            width = means.one(SIDES)
        if kind in (1, 2):
            height = means.one(SIDES)
        if kind == 3:
            bits, color, interlace = means.one((1, 2, 4, 8, 16, 3)), means.one((0, 2, 3, 4, 6, 9)), means.below(3)
        head = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, color, packing, filtering, interlace)
        return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
    if data[:2] == JPEG:
        for marker in (b"\xff\xc0", b"\xff\xc2"):
            at = data.find(marker)
            if at > 0:
                height, width = (means.one((0, 1, 17, 4096, 20_000, 65_500, 65_535)) for _ in range(2))
                parts = data[at + 9 : at + 10] if means.rng.random() < 0.7 else bytes([means.one((0, 2, 4, 255))])
                return data[: at + 5] + struct.pack(">HH", height, width) + parts + data[at + 10 :]
    return None


def large(data: bytes, means: Means) -> bytes | None:
    """A small file of 20,000 x 20,000 pixels that are all there."""
    if data[:8] != PNG:
        return None
    if not _LARGE:
        line, maker = bytes(2501), zlib.compressobj(9)
        body = b"".join(maker.compress(line) for _ in range(20_000)) + maker.flush()
        head = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
        _LARGE.append(PNG + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    return _LARGE[0]


def chunks_changed(data: bytes, means: Means) -> bytes | None:
    """A chunk or a segment lacks, comes twice, is another kind, or is damaged while its checksum fits."""
    if data[:8] != PNG:
        return None
    parts, at = [], 8
    while at + 12 <= len(data):
        size = struct.unpack_from(">I", data, at)[0]
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    n = means.below(len(parts))
    name, body = parts[n]
    kind = means.below(5)
    if kind == 0:
        del parts[n]
    elif kind == 1:
        parts.insert(n, parts[n])
    elif kind == 2:
        bomb = zlib.compress(bytes(1 << 27), 9)
        parts.insert(1, (b"zTXt", b"Comment\0\0" + bomb) if means.rng.random() < 0.5 else (b"iCCP", b"x\0\0" + bomb))
    elif kind == 3:
        text = means.one(HOSTILE_WORDS).encode("utf-8", "replace")
        parts.insert(1, (means.one((b"tEXt", b"eXIf", b"acTL", b"fcTL", b"gAMA", b"PLTE", b"tRNS")), text))
    elif body:
        changed = bytearray(body)
        changed[means.below(len(body))] ^= 1 << means.below(8)
        parts[n] = (name, bytes(changed))
    return PNG + b"".join(chunk(*part) for part in parts)


def chunk(name: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


_LARGE: list[bytes] = []
IMAGES: Final[dict[str, tuple[Fault, ...]]] = {
    "lengths and sizes": (size_changed,),
    "bombs": (large,),
    "wrong kinds": (chunks_changed,),
}
