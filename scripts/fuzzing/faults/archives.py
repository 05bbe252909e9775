"""Faults of zip archives: names that leave the folder, members twice, bombs, links, false sizes; and within members."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Final

from fuzzing.faults.fault import Fault, Means
from fuzzing.faults.npy import with_header

BOMB_BYTES: Final = 1 << 30
"""More than a reader may take, less than the limit of its process, so that taking it shows."""
PART_BYTES: Final = 1 << 24
ZEROS: Final = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({BOMB_BYTES // 8},), }}"
"""What the header of an array says that is the bomb."""
_bombs: dict[int, bytes] = {}
PATHS: Final = (
    "../{0}",
    "../../../../{0}",
    "/{0}",
    "a/../../{0}",
    "..\\{0}",
    "./{0}",
    "{0}/",
    "{0}/{0}",
    "//{0}",
    "{0}\0x",
)


def members_of(data: bytes) -> list[tuple[str, bytes]] | None:
    """Names and contents of a whole archive; None for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [(info.filename, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError, RuntimeError):
        return None


def archive_of(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED, mode: int = 0) -> bytes:
    """An archive; `mode` is the last member's kind of file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for number, (name, content) in enumerate(members):
            info = zipfile.ZipInfo(name.replace("\0", "_")[:60_000])
            info.filename = name[:60_000]
            info.compress_type = method
            if mode and number == len(members) - 1:
                info.external_attr = mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def member_changed(inner: Callable[[str, bytes, Means], bytes | None]) -> Fault:
    """A member is damaged, and the archive's checksums fit it again."""

    def change(data: bytes, means: Means) -> bytes | None:
        members = members_of(data)
        if not members:
            return None
        at = means.below(len(members))
        name, content = members[at]
        changed = inner(name, content, means)
        if changed is None:
            return None
        members[at] = (name, changed)
        return archive_of(members, means.one((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))

    return change


def names_changed(data: bytes, means: Means) -> bytes | None:
    """A member's name leaves the folder, is absolute, very long, or that of a link."""
    members = members_of(data)
    if not members:
        return None
    at = means.below(len(members))
    name, content = members[at]
    kind = means.below(4)
    if kind == 0:
        members[at] = (means.one(PATHS).format(name), content)
    elif kind == 1:
        members.append((means.one((str(means.canary / "ran"), "../canary/ran", "x" * 70_000, "n" * 255)), content))
    elif kind == 2:
        members.append(members.pop(at))
        members[-1] = (name, str(means.canary / "secret.txt").encode())
        return archive_of(members, mode=stat.S_IFLNK | 0o777)
    else:
        members += [("a/" * 1000 + "b", b"x"), *members[:1]]
    return archive_of(members)


def members_changed(data: bytes, means: Means) -> bytes | None:
    """A member lacks, comes twice, is empty, or exchanged with another."""
    members = members_of(data)
    if not members:
        return None
    at, other = means.below(len(members)), means.below(len(members))
    name, content = members[at]
    kind = means.below(5)
    if kind == 0:
        del members[at]
    elif kind == 1:
        members.append((name, members[other][1]))
    elif kind == 2:
        members[at] = (name, b"")
    elif kind == 3:
        members[at], members[other] = (name, members[other][1]), (members[other][0], content)
    else:
        members += [(f"{name}{n}", content[:100]) for n in range(2000)]
    return archive_of(members)


def bomb(data: bytes, means: Means) -> bytes | None:
    """A member of a megabyte that becomes a gigabyte, in the place of one that is read."""
    members = members_of(data)
    if not members:
        return None
    name, content = members[means.below(len(members))]
    packed = _packed()
    head = with_header(ZEROS, b"") if content[:6] == b"\x93NUMPY" else b""
    if head:
        packed = struct.pack("<BHH", 0, len(head), len(head) ^ 0xFFFF) + head + packed
    crc = 0  # nobody gets as far as to compare it
    told = BOMB_BYTES + len(head) if means.rng.random() < 0.6 else len(content)
    others = [(n, c) for n, c in members if n != name]
    return _with_packed(archive_of(others), name.encode(), packed, told, crc)


def sizes_false(data: bytes, means: Means) -> bytes | None:
    """The directory of the archive tells other sizes, another way of packing, a password, or another place."""
    at = data.find(b"PK\x01\x02")
    places = []
    while at >= 0:
        places.append(at)
        at = data.find(b"PK\x01\x02", at + 4)
    if not places:
        return None
    at = means.one(places)
    offset, size = means.one(((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4)))
    value = means.one((0, 1, 8, 9, 12, 14, 93, 99, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF)) % (1 << 8 * size)
    return data[: at + offset] + value.to_bytes(size, "little") + data[at + offset + size :]


def _packed() -> bytes:
    """Deflated zeros, made once: a part that needs nothing before it, many times."""
    if not _bombs:
        maker = zlib.compressobj(9, zlib.DEFLATED, -15)
        part = maker.compress(bytes(PART_BYTES)) + maker.flush(zlib.Z_FULL_FLUSH)
        _bombs[0] = part * (BOMB_BYTES // PART_BYTES) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return _bombs[0]


def _with_packed(data: bytes, name: bytes, packed: bytes, size: int, crc: int) -> bytes:
    """An archive with one more member, whose packed bytes are given."""
    end = data.rfind(b"PK\x05\x06")
    count, length, begin = struct.unpack_from("<HII", data, end + 10)
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(packed), size, len(name), 0)
    local = b"PK\x03\x04" + common + name + packed
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, begin) + name
    tail = b"PK\x05\x06" + struct.pack(
        "<HHHHIIH", 0, 0, count + 1, count + 1, length + len(entry), begin + len(local), 0
    )
    return data[:begin] + local + data[begin:end] + entry + tail


ARCHIVES: Final[dict[str, tuple[Fault, ...]]] = {
    "paths and links": (names_changed,),
    "members lost or twice": (members_changed,),
    "bombs": (bomb,),
    "lengths and sizes": (sizes_false,),
}
