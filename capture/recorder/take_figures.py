"""Counts of a take while it is recorded: frames by stream, losses, rates, and how late frames reach the file."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from capture.device import STALL_AFTER_S, DeviceDescription, DeviceStream
from capture.device_frames import EncodedFrame
from capture.recorder.frame_check import what_is_wrong
from capture.recorder.frame_queue import Arrived
from capture.recorder.status import RecorderLimits, RecorderStatus, StreamStatus

RATE_WINDOW_S = 5.0
LAG_EDGES_S: list[float] = [0.0, *np.geomspace(1e-4, 100.0, 241)]
"""A histogram of lags, each step 6 % wider than the one before: exact enough for a percentile, and of constant size."""
QUEUE_WARNING = 0.25
SYNC_WARNING_S = 1.5
SILENT_FRAMES = 5
DISK_WARNING_S = 120.0


@dataclass(slots=True)
class _Stream:
    stream: DeviceStream
    accepted: int = 0
    frames: int = 0
    dropped: int = 0
    overflowed: int = 0
    refused: int = 0
    bytes: int = 0
    sequence: int | None = None
    arrived_s: float | None = None


class TakeFigures:
    """Any thread may call anything."""

    def __init__(self, descriptions: Mapping[str, DeviceDescription]) -> None:
        """All zero, beginning now."""
        self._lock = threading.Lock()
        self._streams = {s.name: _Stream(s) for d in descriptions.values() for s in d.streams}
        self._unannounced: dict[str, int] = {}
        """Frames of streams that no device described; nothing of them is recorded."""
        self._begun_s = time.monotonic()
        self._seconds: float | None = None
        self._bytes = 0
        self._recent: deque[tuple[float, int]] = deque([(self._begun_s, 0)])
        self._lags = np.zeros(len(LAG_EDGES_S), np.int64)
        self._lag_s = 0.0
        self.sync_s = 0.0

    def arrived(self, frame: EncodedFrame) -> str:
        """Counts a frame that a device sent; returns what is wrong with it, empty when it is to be recorded."""
        now = time.monotonic()
        stream = self._streams.get(frame.stream)
        if stream is None:
            with self._lock:
                self._unannounced[frame.stream] = self._unannounced.get(frame.stream, 0) + 1
            return "frames of a stream that it did not announce"
        wrong = what_is_wrong(frame, stream.stream)
        with self._lock:
            if stream.sequence is not None:
                if frame.sequence > stream.sequence:
                    stream.dropped += frame.sequence - stream.sequence - 1
                elif stream.arrived_s is not None:  # it was opened again and counts from the beginning
                    stream.dropped += max(0, round((now - stream.arrived_s) * stream.stream.rate_hz) - 1)
            stream.sequence, stream.arrived_s = frame.sequence, now
            stream.refused += bool(wrong)
        return wrong

    def is_first_refusal(self, stream: str) -> bool:
        """Whether no frame of this stream was refused before the last one."""
        with self._lock:
            if stream in self._streams:
                return self._streams[stream].refused == 1
            return self._unannounced.get(stream) == 1

    def accepted(self, frame: EncodedFrame) -> None:
        """Counts a frame that waits to be written."""
        with self._lock:
            self._streams[frame.stream].accepted += 1

    def overflowed(self, frame: EncodedFrame) -> None:
        """Counts a frame that found no room."""
        with self._lock:
            self._streams[frame.stream].overflowed += 1

    def wrote(self, frames: list[Arrived]) -> list[Arrived]:
        """Counts frames that are in the file now, each with when it was handed over; returns an empty list."""
        now = time.monotonic()
        with self._lock:
            for arrived_s, frame in frames:
                stream = self._streams[frame.stream]
                stream.frames += 1
                stream.bytes += len(frame.data)
                self._bytes += len(frame.data)
                self._lag_s = now - arrived_s
                self._lags[min(bisect_left(LAG_EDGES_S, self._lag_s), len(self._lags) - 1)] += 1
        return []

    def end(self, written: Mapping[str, int]) -> None:
        """The take is as long as it is now; of what waited, this many frames of each stream are in the file."""
        with self._lock:
            self._seconds = time.monotonic() - self._begun_s
            for name, stream in self._streams.items():
                stream.frames = written[name]
                stream.overflowed += stream.accepted - written[name]

    def status(
        self, queue: tuple[int, int, float], limits: RecorderLimits, disk_free: int, stopped_because: str
    ) -> RecorderStatus:
        """Everything at this moment. `queue` is what `FrameQueue.figures` gave."""
        now = time.monotonic()
        with self._lock:
            rate = self._rate(now)
            streams = {name: _status(stream, now) for name, stream in self._streams.items()}
            streams.update({name: StreamStatus(refused=count) for name, count in self._unannounced.items()})
            frames, queued, oldest_s = queue
            share = max(queued / limits.queue_bytes, oldest_s / limits.queue_s)
            disk_s = max(0.0, (disk_free - limits.reserve_bytes) / rate) if rate > 0 else float("inf")
            status = RecorderStatus(
                seconds=now - self._begun_s if self._seconds is None else self._seconds,
                streams=streams,
                queue_frames=frames,
                queue_bytes=queued,
                queue_s=oldest_s,
                queue_share=min(1.0, share),
                bytes_written=self._bytes,
                mb_per_s=rate / 1e6,
                lag_s=self._lag_s,
                lag_p99_s=self._percentile(0.99),
                sync_s=self.sync_s,
                disk_free_bytes=disk_free,
                disk_s=disk_s,
                problems=tuple(self._problems(now, streams, queue, share, disk_s)),
                stopped_because=stopped_because,
            )
        return status

    def _problems(
        self,
        now: float,
        streams: Mapping[str, StreamStatus],
        queue: tuple[int, int, float],
        share: float,
        disk_s: float,
    ) -> Iterator[str]:
        overflowed = sum(stream.overflowed for stream in streams.values())
        if overflowed:
            yield f"{overflowed} frames were lost because the disk did not keep up; record to a faster one"
        if share > QUEUE_WARNING:
            frames, queued, oldest_s = queue
            yield (
                f"the disk is behind: {frames} frames ({queued / 1e6:.0f} MB) wait, the oldest for {oldest_s:.1f} s; "
                "a program that is killed now loses them"
            )
        if self.sync_s > SYNC_WARNING_S:
            yield f"the disk took {self.sync_s:.1f} s to make frames safe; close other programs that write"
        if disk_s < DISK_WARNING_S:
            yield f"the disk is full in {disk_s:.0f} s"
        if self._seconds is not None:
            return
        for name, entry in self._streams.items():
            rate_hz, last_age_s = entry.stream.rate_hz, streams[name].last_age_s
            silent_s = now - self._begun_s if last_age_s is None else last_age_s
            if rate_hz > 0 and silent_s > max(STALL_AFTER_S, SILENT_FRAMES / rate_hz):
                yield f"{name}: no frame for {silent_s:.1f} s"

    def _rate(self, now: float) -> float:
        self._recent.append((now, self._bytes))
        while len(self._recent) > 2 and now - self._recent[1][0] > RATE_WINDOW_S:
            self._recent.popleft()
        then, before = self._recent[0]
        return (self._bytes - before) / (now - then) if now > then else 0.0

    def _percentile(self, share: float) -> float:
        total = int(self._lags.sum())
        return float(LAG_EDGES_S[int(np.searchsorted(np.cumsum(self._lags), share * total))]) if total else 0.0


def _status(stream: _Stream, now: float) -> StreamStatus:
    return StreamStatus(
        frames=stream.frames,
        dropped=stream.dropped,
        overflowed=stream.overflowed,
        refused=stream.refused,
        bytes=stream.bytes,
        last_age_s=None if stream.arrived_s is None else now - stream.arrived_s,
    )
