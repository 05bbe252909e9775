"""Where each message of an MCAP file lies: from the file's own index, or by a scan when the file was cut short."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import zstandard
from jaxtyping import Int64
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.reader import SeekingReader
from mcap.records import Attachment, Channel, Chunk, Schema
from mcap.summary import Summary

from capture.errors import CaptureError
from capture.mcap_closing import INDEX_HEADER, MAGIC, MESSAGE_HEADER, RECORD_HEADER
from capture.zstd_frames import unpacked
from geometry.unpacking import most_bytes

FOOTER = struct.Struct("<BQQQI")  # opcode, length, summary, its offsets, CRC of both and of what stands before it
LATEST_NS = 2**63
"""Times are kept in 63 bits."""
DAMAGE = (McapError, zstandard.ZstdError, struct.error, ValueError, LookupError, OverflowError, MemoryError, OSError)
"""What reading damaged bytes raises."""
Rows = dict[int, list[tuple[int, int]]]
"""By channel: position among a chunk's records, log time in ns."""


@dataclass(kw_only=True)
class McapIndex:
    """Positions of all messages."""

    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    chunks: list[int] = field(default_factory=list)
    """Byte position of each chunk record."""
    entries: dict[int, Int64[np.ndarray, "messages 3"]] = field(default_factory=dict)
    """By channel, in the order of recording: chunk number, position in its (uncompressed) records, log time in ns."""
    attachments: dict[str, bytes] = field(default_factory=dict)
    recovered: bool = False
    """The file was cut short, and this is what could be saved."""
    lost_chunks: int = 0
    """Complete chunks whose checksum failed, left out of a recovered index."""


def read_index(path: Path, file: BinaryIO, *, scan: bool = False) -> McapIndex:
    """The index of a recording; `scan` makes it anew from the chunks.

    A file without its closing index (a killed recorder, a truncated copy) is scanned instead, which finds every
    complete chunk. Raises CaptureError when it is not an MCAP file.
    """
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise CaptureError(f"{path} is not an MCAP recording; restore the file or import the recording again")
    file.seek(0, io.SEEK_END)
    if file.tell() >= 2 * len(MAGIC) and not scan:
        file.seek(-len(MAGIC), io.SEEK_END)
        if file.read() == MAGIC:
            return _from_summary(path, file)
    try:
        return _by_scan(file)
    except DAMAGE as error:
        raise CaptureError(f"{path}: cannot be read ({error}); restore the file from a copy") from None


def read_chunk(path: Path, file: BinaryIO, position: int) -> bytes:
    """The records of one chunk, checked against its CRC. Raises CaptureError when it is damaged."""
    try:
        end = file.seek(0, io.SEEK_END)
        file.seek(position)
        opcode, length = RECORD_HEADER.unpack(file.read(RECORD_HEADER.size))
        if opcode != Opcode.CHUNK or length > end - position:
            raise ValueError("no chunk is there")
        return _records(Chunk.read(ReadDataStream(io.BytesIO(file.read(length)))))
    except DAMAGE as error:
        raise CaptureError(
            f"{path}: chunk at byte {position} is damaged ({error}); restore the file from a copy"
        ) from None


def _records(chunk: Chunk) -> bytes:
    if chunk.compression not in ("", "zstd"):
        raise ValueError(f"compression '{chunk.compression}' is not supported")
    data = chunk.data
    if chunk.compression == "zstd":
        if chunk.uncompressed_size > most_bytes(len(data)):
            raise ValueError(f"it would become {chunk.uncompressed_size / 2**30:.1f} GiB")
        data = unpacked(data, chunk.uncompressed_size)
    if len(data) != chunk.uncompressed_size or (chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc):
        raise ValueError("checksum does not match")
    return data


def _from_summary(path: Path, file: BinaryIO) -> McapIndex:
    try:
        _check_summary(file)
        file.seek(0)
        reader = SeekingReader(file, validate_crcs=True)
        summary = reader.get_summary()
        attachments = {a.name: a.data for a in reader.iter_attachments()}
        if summary is None or not _has_chunks(summary):
            return _by_scan(file)
        return _positions(file, summary, attachments)
    except DAMAGE as error:
        raise CaptureError(
            f"{path}: its index is damaged ({error}); restore the file from a copy, or repair the session"
        ) from None


def _has_chunks(summary: Summary) -> bool:
    """Whether it tells of all chunks, and they of their messages; other programs may leave both out."""
    if summary.statistics is None:
        return any(chunk.message_index_offsets for chunk in summary.chunk_indexes)
    if summary.statistics.chunk_count != len(summary.chunk_indexes):
        return False
    return not summary.statistics.message_count or any(c.message_index_offsets for c in summary.chunk_indexes)


def _positions(file: BinaryIO, summary: Summary, attachments: dict[str, bytes]) -> McapIndex:
    """Raises ValueError and others of DAMAGE where an index record is not what the summary says."""
    end = file.seek(0, io.SEEK_END)
    index = McapIndex(schemas=dict(summary.schemas), channels=dict(summary.channels), attachments=attachments)
    parts: dict[int, list[np.ndarray]] = {channel: [] for channel in index.channels}
    for number, chunk in enumerate(sorted(summary.chunk_indexes, key=lambda c: c.chunk_start_offset)):
        index.chunks.append(chunk.chunk_start_offset)
        for channel, position in chunk.message_index_offsets.items():
            file.seek(position)
            opcode, _, found, size = INDEX_HEADER.unpack(file.read(INDEX_HEADER.size))
            if opcode != Opcode.MESSAGE_INDEX or found != channel or position + size > end:
                raise ValueError(f"no index of channel {channel} at byte {position}")
            times = np.frombuffer(file.read(size), "<u8").reshape(-1, 2).astype(np.int64)
            parts[channel].append(np.column_stack([np.full(len(times), number), times[:, 1], times[:, 0]]))
    empty = np.zeros((0, 3), np.int64)
    index.entries = {channel: np.concatenate([empty, *found]) for channel, found in parts.items()}
    counts = summary.statistics.channel_message_counts if summary.statistics else {}
    for channel, count in counts.items():
        if len(index.entries[channel]) != count:
            raise ValueError(f"{count} messages of channel {channel}, {len(index.entries[channel])} in the index")
    return index


def _check_summary(file: BinaryIO) -> None:
    """Raises ValueError when the closing index is not what was written: its reader does not compare the checksum."""
    start = file.seek(-len(MAGIC) - FOOTER.size, io.SEEK_END)
    footer = file.read(FOOTER.size)
    opcode, length, summary, _, crc = FOOTER.unpack(footer)
    if opcode != Opcode.FOOTER or length != FOOTER.size - RECORD_HEADER.size or not summary <= start:
        raise ValueError("no footer before the last bytes")
    if not summary or not crc:
        return
    file.seek(summary)
    if zlib.crc32(footer[:-4], zlib.crc32(file.read(start - summary))) != crc:
        raise ValueError("checksum does not match")


def _by_scan(file: BinaryIO) -> McapIndex:
    end = file.seek(0, io.SEEK_END)
    index = McapIndex(recovered=True)
    rows: dict[int, list[tuple[int, int, int]]] = {}
    position = len(MAGIC)
    while position + RECORD_HEADER.size <= end:
        file.seek(position)
        opcode, length = RECORD_HEADER.unpack(file.read(RECORD_HEADER.size))
        following = position + RECORD_HEADER.size + length
        if following > end or opcode in (0, Opcode.DATA_END, Opcode.FOOTER):
            break
        if opcode == Opcode.ATTACHMENT:
            try:
                attachment = Attachment.read(ReadDataStream(io.BytesIO(file.read(length))))
            except DAMAGE:
                break  # what follows cannot be trusted either
            index.attachments[attachment.name] = attachment.data
        elif opcode == Opcode.CHUNK:
            try:
                found = scan_chunk(_records(Chunk.read(ReadDataStream(io.BytesIO(file.read(length))))), index)
            except DAMAGE:
                index.lost_chunks += 1
            else:
                for channel, messages in found.items():
                    rows.setdefault(channel, []).extend((len(index.chunks), *message) for message in messages)
                index.chunks.append(position)
        position = following
    index.entries = {channel: np.array(rows.get(channel, []), np.int64).reshape(-1, 3) for channel in index.channels}
    return index


def scan_chunk(records: bytes, index: McapIndex) -> Rows:
    """The messages of a chunk's records; adds its channels and schemas to the index.

    Raises one of DAMAGE when the records are not whole.
    """
    found: Rows = {}
    position = 0
    while position < len(records):
        opcode, length = RECORD_HEADER.unpack_from(records, position)
        body = position + RECORD_HEADER.size
        if body + length > len(records):
            raise ValueError("a record is longer than its chunk")
        if opcode == Opcode.CHANNEL:
            channel = Channel.read(ReadDataStream(io.BytesIO(records[body : body + length])))
            index.channels[channel.id] = channel
        elif opcode == Opcode.SCHEMA:
            schema = Schema.read(ReadDataStream(io.BytesIO(records[body : body + length])))
            index.schemas[schema.id] = schema
        elif opcode == Opcode.MESSAGE:
            _, _, channel_id, _, log_time, publish_time = MESSAGE_HEADER.unpack_from(records, position)
            if max(log_time, publish_time) >= LATEST_NS:
                raise ValueError(f"a message of channel {channel_id} has a time beyond 63 bits")
            found.setdefault(channel_id, []).append((position, log_time))
        position = body + length
    return found
