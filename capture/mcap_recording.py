"""Append-only recordings in MCAP that survive a crash: complete chunks are on disk within about a second."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from mcap.writer import CompressionType, Writer

from capture.errors import CaptureError
from capture.mcap_reading import McapMessage, McapReader

__all__ = ["McapMessage", "McapReader", "McapWriter"]

CHUNK_BYTES = 4 * 1024 * 1024
SYNC_INTERVAL_S = 1.0


class McapWriter:
    """Writes one recording. Use it as a context manager, or call `finish()`.

    Payloads arrive already compressed (JPEG, dzp), so chunks are not compressed again; each has a CRC.
    """

    def __init__(self, path: Path, attachments: Mapping[str, bytes] | None = None) -> None:
        """Starts a new file; attachments (such as factory calibrations) are written first, so that a killed
        recording has them. Raises CaptureError when the file exists: a recording is never overwritten."""
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = self.path.open("xb")
        except FileExistsError:
            raise CaptureError(f"{self.path} exists; a recording is never overwritten, choose another name") from None
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.NONE)
        self._writer.start(profile="humanrig", library="humanrig")
        self._channels: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        for name, data in (attachments or {}).items():
            kind = "application/json" if name.endswith(".json") else "application/octet-stream"
            self._writer.add_attachment(create_time=0, log_time=0, name=name, media_type=kind, data=data)
        self._sync()

    def add_stream(self, topic: str, encoding: str, metadata: Mapping[str, str] | None = None) -> None:
        """Declares a topic such as `/kinect_000/depth`. Encoding: `jpeg`, `dzp` or `json`.

        Metadata of an image stream should have `width` and `height`, so that the file explains itself.
        """
        if topic in self._channels:
            raise CaptureError(f"{self.path}: topic '{topic}' was added twice")
        self._channels[topic] = self._writer.register_channel(topic, encoding, 0, dict(metadata or {}))
        self._counts[topic] = 0

    def write(self, topic: str, data: bytes, *, device_us: int, host_us: int) -> None:
        """Appends one frame with both of its times, in microseconds."""
        if topic not in self._channels:
            raise CaptureError(
                f"{self.path}: topic '{topic}' was not added; it has {', '.join(self._channels) or 'none'}"
            )
        if device_us < 0 or host_us < 0:
            raise CaptureError(f"{self.path}: {topic}: negative time (device {device_us} us, host {host_us} us)")
        self._writer.add_message(
            self._channels[topic],
            log_time=int(host_us) * 1000,
            publish_time=int(device_us) * 1000,
            data=data,
            sequence=self._counts[topic],
        )
        self._counts[topic] += 1
        if time.monotonic() - self._synced > SYNC_INTERVAL_S:
            self._sync()

    @property
    def counts(self) -> dict[str, int]:
        """Number of frames written, by topic."""
        return dict(self._counts)

    def finish(self) -> None:
        """Writes the index and closes the file. May be called twice."""
        if self._file.closed:
            return
        self._writer.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    @contextmanager
    def abandoned_on_error(self) -> Iterator[None]:
        """Within it an OSError (a full disk) closes the file as it is, without an index, and goes on to the caller.

        Chunks that were written whole stay readable; a writer that failed half-way must not write on.
        """
        try:
            yield
        except OSError:
            self._file.raw.close()
            raise

    def _sync(self) -> None:
        self._writer.flush()
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def __enter__(self) -> McapWriter:
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finishes the file also after an error: what was recorded stays readable."""
        self.finish()
