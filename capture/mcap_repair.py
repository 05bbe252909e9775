"""A recording that was cut short, rewritten with its index: every complete chunk, byte for byte."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import Header

from capture.errors import CaptureError
from capture.mcap_closing import CHUNK_HEADER, MAGIC, RECORD_HEADER, ClosingIndex, attachment_record
from capture.mcap_index import McapIndex, read_index
from capture.mcap_reading import McapReader

CHUNK_TIMES = struct.Struct("<QQ")


@dataclass(frozen=True, kw_only=True, slots=True)
class RewrittenRecording:
    """What a rewritten recording holds, and what its original had beside that."""

    frames: int
    chunks: int
    lost_chunks: int
    """Complete, but their checksum failed."""
    lost_bytes: int
    """At the end of the original: a chunk that was not complete."""
    lost_s: float
    """From the last frame that is kept to the last one of which the original tells."""


def rewrite(source: Path, target: Path, on_progress: Callable[[int, int], None] | None = None) -> RewrittenRecording:
    """Writes a complete recording with all complete chunks of a cut one and reads it back whole; syncs it to the disk.

    `on_progress` hears bytes done and bytes in all. Raises CaptureError when the source is not a recording and OSError
    when the disk is full; the target is incomplete then, the source never touched.
    """
    with source.open("rb") as file:
        index = read_index(source, file, scan=True)
        end = file.seek(0, io.SEEK_END)
        with target.open("wb") as out:
            closing = _copy(file, index, out, end, on_progress)
            out.write(closing)
            out.flush()
            os.fsync(out.fileno())
        tail_bytes, tail_ns = _tail(file, index, end)
    frames = sum(map(len, index.entries.values()))
    last_ns = max((int(rows[:, 2].max()) for rows in index.entries.values() if len(rows)), default=0)
    _compare(source, target, index, frames)
    return RewrittenRecording(
        frames=frames,
        chunks=len(index.chunks),
        lost_chunks=index.lost_chunks,
        lost_bytes=tail_bytes,
        lost_s=max(0, tail_ns - last_ns) / 1e9 if last_ns else 0.0,
    )


def _copy(
    file: BinaryIO, index: McapIndex, out: BinaryIO, end: int, on_progress: Callable[[int, int], None] | None
) -> bytes:
    """Copies the attachments and chunks and writes their index records; returns what closes the file."""
    closing = ClosingIndex()
    closing.schemas, closing.channels = index.schemas, index.channels
    builder = RecordBuilder()
    Header(profile="humanrig", library="humanrig").write(builder)
    out.write(MAGIC + builder.end())
    for name, data in index.attachments.items():
        attachment, record = attachment_record(name, data)
        closing.add_attachment(out.tell(), len(record), attachment)
        out.write(record)
    for number, position in enumerate(index.chunks):
        file.seek(position)
        head = file.read(CHUNK_HEADER.size)
        _, length, _, _, size, _, name_length, _ = CHUNK_HEADER.unpack(head)
        record = head + file.read(RECORD_HEADER.size + length - len(head))
        name = record[CHUNK_HEADER.size - 8 : CHUNK_HEADER.size - 8 + name_length].decode()
        entries: dict[int, list[tuple[int, int]]] = {}
        for channel, rows in index.entries.items():
            first, last = np.searchsorted(rows[:, 0], [number, number + 1])
            if last > first:
                entries[channel] = [(int(time), int(offset)) for _, offset, time in rows[first:last]]
        start = out.tell()
        out.write(record)
        chunk = closing.index_chunk(start, len(record), size, entries, name)
        out.write(chunk.records)
        closing.add_chunk(chunk)
        if on_progress:
            on_progress(position + len(record), end)
    return closing.closing(out.tell())


def _tail(file: BinaryIO, index: McapIndex, end: int) -> tuple[int, int]:
    """Bytes behind the last record that is whole, and the last log time of which they tell (0: of none)."""
    position = len(MAGIC)
    while position + RECORD_HEADER.size <= end:
        file.seek(position)
        opcode, length = RECORD_HEADER.unpack(file.read(RECORD_HEADER.size))
        following = position + RECORD_HEADER.size + length
        if opcode == Opcode.CHUNK and following > end:
            times = file.read(CHUNK_TIMES.size)
            return end - position, CHUNK_TIMES.unpack(times)[1] if len(times) == CHUNK_TIMES.size else 0
        if opcode == Opcode.DATA_END or (opcode == Opcode.MESSAGE_INDEX and following > end):
            return 0, 0  # only a part of the index is missing
        if opcode == 0 or following > end:
            return end - position, 0
        position = following
    return end - position, 0


def _compare(source: Path, target: Path, index: McapIndex, frames: int) -> None:
    """Reads the target whole. Raises CaptureError when it is not what the source's complete chunks hold."""
    with McapReader(target) as reader:
        if reader.recovered or sum(reader.count(topic) for topic in reader.topics) != frames:
            raise CaptureError(f"{target} does not hold all frames of {source}; keep the original and report this")
        if reader.attachments != index.attachments:
            raise CaptureError(f"{target} does not hold the attachments of {source}; keep the original and report this")
        reader.verify()
