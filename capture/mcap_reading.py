"""Reads MCAP recordings by topic and frame number, also those that were cut short."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Int64

from capture.errors import CaptureError
from capture.mcap_images import MESSAGE_ENCODING, SCHEMA_NAME, picture_of
from capture.mcap_index import MESSAGE_HEADER, RECORD_HEADER, McapIndex, read_chunk, read_index

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
        read = self._bytes_of(chunk)
        _, length, channel, _, found, publish_time = MESSAGE_HEADER.unpack(read(offset, MESSAGE_HEADER.size))
        size = RECORD_HEADER.size + length - MESSAGE_HEADER.size
        data = read(offset + MESSAGE_HEADER.size, size) if size >= 0 else b""
        if channel != self._channel[topic] or found != log_time or len(data) != size:
            raise CaptureError(f"{self.path}: frame {index} of {topic} is damaged; restore the file from a copy")
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
            times = [self._publish_time(int(chunk), int(offset)) for chunk, offset, _ in entries]
            self._device_us[topic] = np.array(times, np.int64) // 1000
        return self._device_us[topic], entries[:, 2] // 1000

    def verify(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Reads all chunks. Raises CaptureError at the first one whose CRC does not match."""
        for done, position in enumerate(self._index.chunks, 1):
            read_chunk(self.path, self._file, position)
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

    def _publish_time(self, chunk: int, offset: int) -> int:
        return MESSAGE_HEADER.unpack(self._bytes_of(chunk)(offset, MESSAGE_HEADER.size))[-1]

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
