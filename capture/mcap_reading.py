"""Reads MCAP recordings by topic and frame number, also those that were cut short."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Int64
from mcap.opcode import Opcode

from capture.errors import CaptureError
from capture.mcap_closing import MESSAGE_HEADER, RECORD_HEADER
from capture.mcap_images import MESSAGE_ENCODING, SCHEMA_NAME, picture_of
from capture.mcap_index import DAMAGE, LATEST_NS, McapIndex, read_chunk, read_index, scan_chunk

CACHED_CHUNKS = 8
CHUNK_HEADER_BYTES = RECORD_HEADER.size + 8 + 8 + 8 + 4 + 4 + 8  # of a chunk without compression: its records follow


@dataclass(frozen=True, kw_only=True, slots=True)
class McapMessage:
    """One frame as it was recorded."""

    device_us: int
    host_us: int
    data: bytes


class McapReader:
    """A recording opened for reading: any frame of any topic, in any order.

    Chunks without compression (ours) are read frame by frame, so that one stream of many costs only its own bytes;
    compressed chunks of other writers are unpacked whole and the last few kept. `verify()` checks every CRC.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file. Raises CaptureError when it is missing or not an MCAP recording."""
        self.path = Path(path)
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise CaptureError(f"{self.path} cannot be opened ({error.strerror}); restore it or import again") from None
        try:
            self._index: McapIndex = read_index(self.path, self._file)
            self._size = os.fstat(self._file.fileno()).st_size  # after the index: the file may still grow
        except BaseException:
            self._file.close()
            raise
        self._channel = {channel.topic: number for number, channel in self._index.channels.items()}
        self._whole: OrderedDict[int, bytes] = OrderedDict()
        self._compressed: dict[int, bool] = {}
        self._device_us: dict[str, Int64[np.ndarray, "frames"]] = {}

    @property
    def recovered(self) -> bool:
        """Whether the file was cut short; every complete chunk can be read, later frames are lost."""
        return self._index.recovered

    @property
    def lost_chunks(self) -> int:
        """Chunks of a recovered file that failed their checksum and are left out."""
        return self._index.lost_chunks

    @property
    def topics(self) -> list[str]:
        """Topics in the order in which they were added."""
        return list(self._channel)

    @property
    def attachments(self) -> dict[str, bytes]:
        """Attached files by name."""
        return self._index.attachments

    def count(self, topic: str) -> int:
        """Number of frames of a topic."""
        return len(self._entries(topic))

    def encoding(self, topic: str) -> str:
        """`jpeg`, `png`, `dzp` or `json`."""
        self._entries(topic)
        channel = self._index.channels[self._channel[topic]]
        return channel.metadata.get("encoding", "jpeg") if self._is_wrapped(topic) else channel.message_encoding

    def metadata(self, topic: str) -> dict[str, str]:
        """What the recorder noted about the stream, such as `width` and `height`."""
        self._entries(topic)
        return dict(self._index.channels[self._channel[topic]].metadata)

    def read(self, topic: str, index: int) -> McapMessage:
        """Frame `index` of a topic. Raises CaptureError when there is no such frame or it is damaged."""
        entries = self._entries(topic)
        if not 0 <= index < len(entries):
            raise CaptureError(f"{self.path}: {topic} has {len(entries)} frames, there is no frame {index}")
        chunk, offset, log_time = (int(value) for value in entries[index])
        size, publish_time = self._header(topic, index)
        data = self._bytes_of(chunk)(offset + MESSAGE_HEADER.size, size)
        if len(data) != size:
            raise self._damaged(topic, index)
        if self._is_wrapped(topic):
            try:
                data = picture_of(data)
            except ValueError as error:
                raise CaptureError(f"{self.path}: frame {index} of {topic} is damaged ({error})") from None
        return McapMessage(device_us=publish_time // 1000, host_us=log_time // 1000, data=data)

    def timestamps_us(self, topic: str) -> tuple[Int64[np.ndarray, "frames"], Int64[np.ndarray, "frames"]]:
        """Device and host time of every frame."""
        entries = self._entries(topic)
        if topic not in self._device_us:
            times = [self._header(topic, index)[1] for index in range(len(entries))]
            self._device_us[topic] = np.array(times, np.int64) // 1000
        return self._device_us[topic], entries[:, 2] // 1000

    def verify(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Reads all chunks. Raises CaptureError at the first one whose CRC does not match, or whose messages are not
        those of the index."""
        for done, position in enumerate(self._index.chunks, 1):
            self._compare(done - 1, position, read_chunk(self.path, self._file, position))
            if on_progress:
                on_progress(done, len(self._index.chunks))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _entries(self, topic: str) -> Int64[np.ndarray, "messages 3"]:
        if topic not in self._channel:
            raise CaptureError(f"{self.path} has no topic '{topic}'; it has {', '.join(self.topics) or 'none'}")
        return self._index.entries[self._channel[topic]]

    def _is_wrapped(self, topic: str) -> bool:
        """Whether its pictures are messages that viewers know."""
        channel = self._index.channels[self._channel[topic]]
        schema = self._index.schemas.get(channel.schema_id)
        return schema is not None and schema.name == SCHEMA_NAME and channel.message_encoding == MESSAGE_ENCODING

    def _header(self, topic: str, index: int) -> tuple[int, int]:
        """Bytes of a message's data and its publish time in ns; it must be the message of which the index tells."""
        chunk, offset, log_time = (int(value) for value in self._entries(topic)[index])
        header = self._bytes_of(chunk)(offset, MESSAGE_HEADER.size)
        if len(header) != MESSAGE_HEADER.size:
            raise self._damaged(topic, index)
        opcode, length, channel, _, found, publish_time = MESSAGE_HEADER.unpack(header)
        size = RECORD_HEADER.size + length - MESSAGE_HEADER.size
        is_it = (opcode, channel, found) == (Opcode.MESSAGE, self._channel[topic], log_time)
        if not is_it or not 0 <= size <= self._size or publish_time >= LATEST_NS:
            raise self._damaged(topic, index)
        return size, publish_time

    def _damaged(self, topic: str, index: int) -> CaptureError:
        return CaptureError(f"{self.path}: frame {index} of {topic} is damaged; restore the file from a copy")

    def _compare(self, chunk: int, position: int, records: bytes) -> None:
        """Raises CaptureError when the index does not tell of exactly the messages of a chunk."""
        try:
            found = scan_chunk(records, McapIndex())
        except DAMAGE as error:
            raise CaptureError(f"{self.path}: chunk at byte {position} is damaged ({error})") from None
        for channel, rows in self._index.entries.items():
            first, last = np.searchsorted(rows[:, 0], [chunk, chunk + 1])
            if sorted(map(tuple, rows[first:last, 1:].tolist())) != sorted(found.get(channel, [])):
                topic = self._index.channels[channel].topic
                raise CaptureError(
                    f"{self.path}: the index of {topic} does not match the chunk at byte {position}; restore the file "
                    "from a copy"
                )

    def _bytes_of(self, chunk: int) -> Callable[[int, int], bytes]:
        """What reads (offset, size) among the records of a chunk."""
        position = self._index.chunks[chunk]
        if not self._is_compressed(chunk, position):
            return lambda offset, size: self._read_at(position + CHUNK_HEADER_BYTES + offset, size)
        if chunk not in self._whole:
            self._whole[chunk] = read_chunk(self.path, self._file, position)
            while len(self._whole) > CACHED_CHUNKS:
                self._whole.popitem(last=False)
        self._whole.move_to_end(chunk)
        records = self._whole[chunk]
        return lambda offset, size: records[offset : offset + size]

    def _is_compressed(self, chunk: int, position: int) -> bool:
        if chunk not in self._compressed:
            name_length = self._read_at(position + RECORD_HEADER.size + 28, 4)
            self._compressed[chunk] = name_length != b"\0\0\0\0"
        return self._compressed[chunk]

    def _read_at(self, position: int, size: int) -> bytes:
        if position < 0 or size < 0 or position + size > self._size:
            raise CaptureError(f"{self.path}: its index points beyond the file; restore it from a copy")
        self._file.seek(position)
        data = self._file.read(size)
        if len(data) != size:
            raise CaptureError(f"{self.path} became shorter while it was read; restore it from a copy")
        return data

    def __enter__(self) -> McapReader:
        """The reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self.close()
