"""The closing index of an MCAP file: what makes every message findable without reading the file."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    McapRecord,
    Schema,
    Statistics,
    SummaryOffset,
)

MAGIC = b"\x89MCAP0\r\n"
RECORD_HEADER = struct.Struct("<BQ")  # opcode, length of what follows
INDEX_HEADER = struct.Struct("<BQHI")  # opcode, length, channel, bytes of the entries
MESSAGE_HEADER = struct.Struct("<BQHIQQ")  # opcode, length, channel, sequence, log time, publish time
CHUNK_HEADER = struct.Struct("<BQQQQIIQ")  # opcode, length, first and last log time, size, CRC, "", bytes of records
FOOTER_START = struct.Struct("<BQQQ")

Entries = Mapping[int, Sequence[tuple[int, int]]]
"""By channel: log time in ns and position among the chunk's records, of each message of one chunk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexedChunk:
    """A chunk that is not yet counted: it may still find no room."""

    index: ChunkIndex
    counts: Mapping[int, int]
    """Messages by channel."""
    records: bytes
    """The index records that stand behind the chunk."""


def attachment_record(name: str, data: bytes) -> tuple[Attachment, bytes]:
    """An attached file and its record."""
    kind = "application/json" if name.endswith(".json") else "application/octet-stream"
    attachment = Attachment(create_time=0, log_time=0, name=name, media_type=kind, data=data)
    builder = RecordBuilder()
    attachment.write(builder)
    return attachment, builder.end()


class ClosingIndex:
    """Collects what an MCAP file holds while it is written (or copied), and gives the bytes that close it."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.schemas: dict[int, Schema] = {}
        self.channels: dict[int, Channel] = {}
        self._attachments: list[AttachmentIndex] = []
        self._chunks: list[ChunkIndex] = []
        self._counts: dict[int, int] = {}

    def add_attachment(self, position: int, length: int, attachment: Attachment) -> None:
        """An attachment record of `length` bytes at this byte of the file."""
        self._attachments.append(
            AttachmentIndex(
                offset=position,
                length=length,
                create_time=attachment.create_time,
                log_time=attachment.log_time,
                data_size=len(attachment.data),
                name=attachment.name,
                media_type=attachment.media_type,
            )
        )

    def add_chunk(self, chunk: IndexedChunk) -> None:
        """Counts a chunk that is in the file."""
        self._chunks.append(chunk.index)
        for channel, count in chunk.counts.items():
            self._counts[channel] = self._counts.get(channel, 0) + count

    @staticmethod
    def index_chunk(position: int, length: int, size: int, entries: Entries, compression: str = "") -> IndexedChunk:
        """The index of a chunk record of `length` bytes at this byte of the file, whose records have `size` bytes."""
        times = [time for messages in entries.values() for time, _ in messages]
        index = ChunkIndex(
            message_start_time=min(times, default=0),
            message_end_time=max(times, default=0),
            chunk_start_offset=position,
            chunk_length=length,
            message_index_offsets={},
            message_index_length=0,
            compression=compression,
            compressed_size=length - CHUNK_HEADER.size - len(compression),
            uncompressed_size=size,
        )
        records = bytearray()
        for channel, messages in entries.items():
            index.message_index_offsets[channel] = position + length + len(records)
            records += INDEX_HEADER.pack(Opcode.MESSAGE_INDEX, 6 + 16 * len(messages), channel, 16 * len(messages))
            for time, offset in messages:
                records += struct.pack("<QQ", time, offset)
        index.message_index_length = len(records)
        counts = {channel: len(messages) for channel, messages in entries.items()}
        return IndexedChunk(index=index, counts=counts, records=bytes(records))

    def closing(self, position: int) -> bytes:
        """What ends the file when it is written at this byte."""
        builder = RecordBuilder()
        DataEnd(data_section_crc=0).write(builder)
        end = builder.end()
        start = position + len(end)
        offsets: list[SummaryOffset] = []
        groups: list[tuple[Opcode, Sequence[McapRecord]]] = [
            (Opcode.SCHEMA, list(self.schemas.values())),
            (Opcode.CHANNEL, list(self.channels.values())),
            (Opcode.STATISTICS, [self._statistics()]),
            (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.ATTACHMENT_INDEX, self._attachments),
        ]
        for opcode, records in groups:
            begun = builder.count
            for record in records:
                record.write(builder)
            if records:
                offsets.append(SummaryOffset(opcode, start + begun, builder.count - begun))
        offsets_start = start + builder.count
        for offset in offsets:
            offset.write(builder)
        summary = builder.end()
        crc = zlib.crc32(FOOTER_START.pack(Opcode.FOOTER, 20, start, offsets_start), zlib.crc32(summary))
        Footer(summary_start=start, summary_offset_start=offsets_start, summary_crc=crc).write(builder)
        return end + summary + builder.end() + MAGIC

    def _statistics(self) -> Statistics:
        chunks = [chunk for chunk in self._chunks if chunk.message_index_offsets]
        return Statistics(
            attachment_count=len(self._attachments),
            channel_count=len(self.channels),
            channel_message_counts=dict(self._counts),  # pyright: ignore[reportArgumentType] - declared too narrowly
            chunk_count=len(self._chunks),
            message_count=sum(self._counts.values()),
            message_end_time=max((chunk.message_end_time for chunk in chunks), default=0),
            message_start_time=min((chunk.message_start_time for chunk in chunks), default=0),
            metadata_count=0,
            schema_count=len(self.schemas),
        )
