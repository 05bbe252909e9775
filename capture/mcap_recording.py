"""Append-only recordings in MCAP that survive a crash: complete chunks are on disk within about a second."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import Channel, Header, Schema

from capture.errors import CaptureError
from capture.file_lock import lock
from capture.mcap_closing import CHUNK_HEADER, MAGIC, MESSAGE_HEADER, ClosingIndex, attachment_record
from capture.mcap_images import IMAGE_ENCODINGS, MESSAGE_ENCODING, SCHEMA, SCHEMA_ENCODING, SCHEMA_NAME, ImageHeader
from capture.mcap_reading import McapMessage, McapReader

__all__ = ["McapMessage", "McapReader", "McapWriter"]

CHUNK_BYTES = 4 * 1024 * 1024
SYNC_INTERVAL_S = 1.0
IMAGE_SCHEMA_ID = 1
LATEST_US = (2**63 - 1) // 1000
"""The latest time that fits: readers keep nanoseconds in 63 bits."""
BUFFERS_AT_ONCE = 512
"""In one call of writev; Linux takes 1024."""


class McapWriter:
    """Writes one recording. Use it as a context manager, or call `finish()`.

    Payloads arrive already compressed (JPEG, dzp), so chunks are not compressed again; each has a CRC. A chunk is
    gathered from the payloads themselves, which are not copied, and is in the file whole or not at all.
    """

    def __init__(self, path: Path, attachments: Mapping[str, bytes] | None = None, *, syncs: bool = True) -> None:
        """Starts a new file; attachments (such as factory calibrations) are written first, so that a killed
        recording has them. Raises CaptureError when the file exists: a recording is never overwritten.

        `write` puts everything on the disk every second, unless `syncs` is False: the caller then calls `flush` and,
        from a thread of its own if it likes, `sync`.
        """
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise CaptureError(f"{self.path} exists; a recording is never overwritten, choose another name") from None
        lock(self._fd)  # until it is closed, also by a kill: nobody repairs a file that is being written
        self._syncs = syncs
        self._index = ClosingIndex()
        self._end = 0
        """Byte of the file behind the last whole record."""
        self._channels: dict[str, tuple[int, ImageHeader | None]] = {}
        self._counts: dict[str, int] = {}
        self._records: list[bytes] = []
        """Of the chunk that is being gathered."""
        self._size = 0
        self._entries: dict[int, list[tuple[int, int]]] = {}
        builder = RecordBuilder()
        Header(profile="humanrig", library="humanrig").write(builder)
        with self.abandoned_on_error():
            self._append([MAGIC, builder.end()])
            for name, data in (attachments or {}).items():
                self._attach(name, data)
            self.sync()
            _sync_folder(self.path.parent)

    def add_stream(self, topic: str, encoding: str, metadata: Mapping[str, str] | None = None) -> None:
        """Declares a topic such as `/kinect_000/depth`. Encoding: `jpeg`, `png`, `dzp` or `json`.

        Metadata of an image stream should have `width` and `height`, so that the file explains itself. JPEG and PNG
        are wrapped as viewers expect them; `McapReader` gives the bare picture.
        """
        if topic in self._channels:
            raise CaptureError(f"{self.path}: topic '{topic}' was added twice")
        number = len(self._channels) + 1
        builder = RecordBuilder()
        schema, header, notes = 0, None, dict(metadata or {})
        if encoding in IMAGE_ENCODINGS:
            schema, header, notes = (
                IMAGE_SCHEMA_ID,
                ImageHeader(topic.strip("/"), encoding),
                {**notes, "encoding": encoding},
            )
            if schema not in self._index.schemas:
                self._index.schemas[schema] = Schema(id=schema, data=SCHEMA, encoding=SCHEMA_ENCODING, name=SCHEMA_NAME)
                self._index.schemas[schema].write(builder)
        channel = Channel(
            id=number,
            topic=topic,
            message_encoding=MESSAGE_ENCODING if header else encoding,
            schema_id=schema,
            metadata=notes,
        )
        channel.write(builder)
        self._index.channels[number] = channel
        self._channels[topic] = (number, header)
        self._counts[topic] = 0
        self._gather([builder.end()])

    def write(self, topic: str, data: bytes, *, device_us: int, host_us: int) -> None:
        """Appends one frame with both of its times, in microseconds.

        An OSError (a full disk) leaves the file as it was before the chunk, and the chunk in memory: the next `write`
        or `finish` tries again.
        """
        if topic not in self._channels:
            raise CaptureError(
                f"{self.path}: topic '{topic}' was not added; it has {', '.join(self._channels) or 'none'}"
            )
        if device_us < 0 or host_us < 0:
            raise CaptureError(f"{self.path}: {topic}: negative time (device {device_us} us, host {host_us} us)")
        if max(device_us, host_us) > LATEST_US:
            raise CaptureError(
                f"{self.path}: {topic}: a time beyond what a recording holds (device {device_us} us, host {host_us} us)"
            )
        channel, header = self._channels[topic]
        before = header.before(len(data), int(device_us)) if header else b""
        log_time = int(host_us) * 1000
        record = MESSAGE_HEADER.pack(
            Opcode.MESSAGE,
            MESSAGE_HEADER.size - 9 + len(before) + len(data),
            channel,
            self._counts[topic] & 0xFFFFFFFF,
            log_time,
            int(device_us) * 1000,
        )
        self._entries.setdefault(channel, []).append((log_time, self._size))
        self._counts[topic] += 1
        self._gather([record + before, data])
        if self._size >= CHUNK_BYTES:
            self.flush()
        if self._syncs and time.monotonic() - self._synced > SYNC_INTERVAL_S:
            self.flush()
            self.sync()

    @property
    def counts(self) -> dict[str, int]:
        """Number of frames written, by topic."""
        return dict(self._counts)

    @property
    def size(self) -> int:
        """Bytes of the file so far."""
        return self._end

    def flush(self) -> None:
        """Writes the chunk that is being gathered, however small. Raises OSError, after which it may be tried again."""
        if not self._records:
            return
        crc = 0
        for record in self._records:
            crc = zlib.crc32(record, crc)
        times = [time_ns for messages in self._entries.values() for time_ns, _ in messages]
        length = CHUNK_HEADER.size + self._size
        head = CHUNK_HEADER.pack(
            Opcode.CHUNK, length - 9, min(times, default=0), max(times, default=0), self._size, crc, 0, self._size
        )
        chunk = self._index.index_chunk(self._end, length, self._size, self._entries)
        self._append([head, *self._records, chunk.records])
        self._index.add_chunk(chunk)
        self._records, self._size, self._entries = [], 0, {}

    def sync(self) -> None:
        """Waits until everything that was flushed is on the disk; may be called from another thread."""
        os.fdatasync(self._fd)
        self._synced = time.monotonic()

    def discard(self) -> int:
        """Forgets the chunk that could not be written; returns its number of frames, which `counts` then lacks."""
        topics = {number: topic for topic, (number, _) in self._channels.items()}
        for channel, messages in self._entries.items():
            self._counts[topics[channel]] -= len(messages)
        lost = sum(map(len, self._entries.values()))
        self._records, self._size, self._entries = [], 0, {}
        return lost

    def finish(self) -> None:
        """Writes the index and closes the file. May be called twice.

        Raises OSError when there is no room: the file is still open then, as it was; `abandon` closes it.
        """
        if self._fd < 0:
            return
        self.flush()
        self._append([self._index.closing(self._end)])
        os.fsync(self._fd)
        self.abandon()

    def abandon(self) -> None:
        """Closes the file as it is, without an index: readers find its complete chunks by a scan."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @contextmanager
    def abandoned_on_error(self) -> Iterator[None]:
        """Within it an OSError (a full disk) closes the file as it is, without an index, and goes on to the caller."""
        try:
            yield
        except OSError:
            self.abandon()
            raise

    def _attach(self, name: str, data: bytes) -> None:
        attachment, record = attachment_record(name, data)
        self._index.add_attachment(self._end, len(record), attachment)
        self._append([record])

    def _gather(self, records: Sequence[bytes]) -> None:
        self._records.extend(records)
        self._size += sum(map(len, records))

    def _append(self, records: Sequence[bytes]) -> None:
        """Writes all of it at the end of the file, or nothing and raises OSError."""
        waiting = [memoryview(record) for record in records if record]
        written = 0
        try:
            while waiting:
                done = os.writev(self._fd, waiting[:BUFFERS_AT_ONCE])
                written += done
                taken = 0
                while taken < len(waiting) and done >= len(waiting[taken]):
                    done -= len(waiting[taken])
                    taken += 1
                waiting = waiting[taken:]
                if done:
                    waiting[0] = waiting[0][done:]
        except OSError:
            os.ftruncate(self._fd, self._end)
            os.lseek(self._fd, self._end, os.SEEK_SET)
            raise
        self._end += written

    def __enter__(self) -> McapWriter:
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finishes the file also after an error: what was recorded stays readable."""
        try:
            self.finish()
        except OSError:
            self.abandon()
            raise


def _sync_folder(folder: Path) -> None:
    """The file's name is on the disk too, not only its bytes."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
