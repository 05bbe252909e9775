"""Writes Matroska files in the layout that the Azure Kinect SDK reads back (EBML, RFC 8794; Matroska, RFC 9559).

What the SDK insists on: microsecond timestamps (scale 1000 ns), some element before Info (it takes offset 0 for
"missing"), video tracks as `V_MS/VFW/FOURCC` with a BITMAPINFOHEADER, short clusters, tags with targets.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

EBML, SEGMENT, VOID, INFO, TRACKS, ATTACHMENTS, TAGS, CLUSTER, CUES = (
    0x1A45DFA3, 0x18538067, 0xEC, 0x1549A966, 0x1654AE6B, 0x1941A469, 0x1254C367, 0x1F43B675, 0x1C53BB6B,
)  # fmt: skip
CLUSTER_US = 32_000  # a block's time is a signed 16-bit number of microseconds after its cluster
UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
ATTACHMENT_UID = 7_000
VIDEO, SUBTITLE = 1, 17


@dataclass(frozen=True, kw_only=True)
class Track:
    """One track. Video tracks have a fourcc; others (such as the IMU) a codec identifier."""

    name: str
    width: int = 0
    height: int = 0
    fourcc: bytes = b""
    bits: int = 16
    codec: str = "V_MS/VFW/FOURCC"
    period_us: int = 33_333
    tags: Mapping[str, str] = field(default_factory=dict)


class MatroskaWriter:
    """Writes one file. Blocks arrive in the order of time; use it as a context manager, or call `finish()`."""

    def __init__(
        self,
        path: Path,
        tracks: Sequence[Track],
        tags: Mapping[str, str],
        attachments: Mapping[str, bytes] | None = None,
        attachment_tags: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Writes everything that stands before the frames. `attachment_tags` are by attachment, then tag."""
        self._file = Path(path).open("wb")  # noqa: SIM115 - closed by finish()
        self._number = {track.name: number for number, track in enumerate(tracks, 1)}
        self._blocks: list[bytes] = []
        self._cluster_us = self._last_us = 0
        self._cues: list[tuple[int, int]] = []
        self._file.write(element(EBML, _uint(0x4286, 1), _uint(0x42F7, 1), _uint(0x42F2, 4), _uint(0x42F3, 8),
                                 _text(0x4282, "matroska"), _uint(0x4287, 2), _uint(0x4285, 2)))  # fmt: skip
        self._file.write(SEGMENT.to_bytes(4, "big") + UNKNOWN_SIZE)
        self._begin = self._file.tell()
        self._file.write(element(VOID, bytes(256)))
        self._info_at = self._file.tell()
        self._write_info()
        self._file.write(element(TRACKS, *(_track(number, track) for number, track in enumerate(tracks, 1))))
        attachments = attachments or {}
        self._file.write(element(ATTACHMENTS, *(_attachment(k, *item) for k, item in enumerate(attachments.items()))))
        all_tags = [_tag(key, value) for key, value in tags.items()]
        for number, track in enumerate(tracks, 1):
            all_tags += [_tag(k, v, "TRACK", _uint(0x63C5, number)) for k, v in track.tags.items()]
        for k, name in enumerate(attachments):
            target = _uint(0x63C6, ATTACHMENT_UID + k)
            all_tags += [_tag(*item, "ATTACHMENT", target) for item in (attachment_tags or {}).get(name, {}).items()]
        self._file.write(element(TAGS, *all_tags))

    def write(self, track: str, time_us: int, data: bytes) -> None:
        """Appends one block; its time counts from the file's start."""
        if self._blocks and not 0 <= time_us - self._cluster_us <= CLUSTER_US:
            self._close_cluster()
        if not self._blocks:
            self._cluster_us = time_us
        block = _size(self._number[track]) + struct.pack(">hB", time_us - self._cluster_us, 0) + data
        self._blocks.append(element(0xA0, element(0xA1, block)))
        self._last_us = max(self._last_us, time_us)

    def finish(self) -> None:
        """Writes the index and the sizes, and closes the file. May be called twice."""
        if self._file.closed:
            return
        self._close_cluster()
        points = [
            element(0xBB, _uint(0xB3, time), element(0xB7, _uint(0xF7, 1), _uint(0xF1, at))) for time, at in self._cues
        ]
        if points:
            self._file.write(element(CUES, *points))
        end = self._file.tell()
        self._file.seek(self._begin - len(UNKNOWN_SIZE))
        self._file.write(_size(end - self._begin, len(UNKNOWN_SIZE)))
        self._file.seek(self._info_at)
        self._write_info()
        self._file.close()

    def _write_info(self) -> None:
        duration = element(0x4489, struct.pack(">d", self._last_us))
        name = _text(0x4D80, "humanrig") + _text(0x5741, "humanrig")
        self._file.write(element(INFO, _uint(0x2AD7B1, 1000), name, duration))

    def _close_cluster(self) -> None:
        if self._blocks:
            self._cues.append((self._cluster_us, self._file.tell() - self._begin))
            self._file.write(element(CLUSTER, _uint(0xE7, self._cluster_us), *self._blocks))
            self._blocks = []

    def __enter__(self) -> MatroskaWriter:
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finishes the file."""
        self.finish()


def element(identifier: int, *contents: bytes) -> bytes:
    """An EBML element: identifier, size, contents."""
    data = b"".join(contents)
    return identifier.to_bytes((identifier.bit_length() + 7) // 8, "big") + _size(len(data)) + data


def _size(value: int, length: int | None = None) -> bytes:
    """A variable-length number: as many leading zeros as bytes follow, then a one, then the value."""
    length = length or next(n for n in range(1, 9) if value < (1 << 7 * n) - 1)
    return (value | 1 << 7 * length).to_bytes(length, "big")


def _uint(identifier: int, value: int) -> bytes:
    return element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _text(identifier: int, value: str) -> bytes:
    return element(identifier, value.encode())


def _track(number: int, track: Track) -> bytes:
    parts = [_uint(0xD7, number), _uint(0x73C5, number), _uint(0x9C, 0), _text(0x536E, track.name)]
    parts.append(_text(0x86, track.codec))
    if not track.fourcc:
        return element(0xAE, _uint(0x83, SUBTITLE), *parts)
    size = track.width * track.height * track.bits // 8
    bitmap = struct.pack("<IiiHH4sIiiII", 40, track.width, track.height, 1, track.bits, track.fourcc, size, 0, 0, 0, 0)
    video = element(0xE0, _uint(0xB0, track.width), _uint(0xBA, track.height))
    period = _uint(0x23E383, track.period_us * 1000)
    return element(0xAE, _uint(0x83, VIDEO), *parts, period, element(0x63A2, bitmap), video)


def _attachment(k: int, name: str, data: bytes) -> bytes:
    kind = _text(0x4660, "application/octet-stream")
    return element(0x61A7, _text(0x466E, name), kind, element(0x465C, data), _uint(0x46AE, ATTACHMENT_UID + k))


def _tag(key: str, value: str, kind: str = "", target: bytes = b"") -> bytes:
    targets = element(0x63C0, _text(0x63CA, kind), target) if kind else element(0x63C0)
    return element(0x7373, targets, element(0x67C8, _text(0x45A3, key), _text(0x4487, value)))
