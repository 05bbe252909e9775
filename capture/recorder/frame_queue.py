"""Frames that wait for the disk: bounded in bytes and in seconds, and every frame that finds no room is counted."""

from __future__ import annotations

import threading
import time
from collections import deque

from capture.device_frames import EncodedFrame

BATCH_BYTES = 4 * 2**20
Arrived = tuple[float, EncodedFrame]
"""When it was handed over (`time.monotonic`), and the frame."""


class FrameQueue:
    """First in, first out; many threads put, one takes. When it is full the new frame is refused.

    A batch that was taken counts as waiting until the next one is taken: then it is in the file.
    """

    def __init__(self, *, seconds: float, capacity: int) -> None:
        """At most `capacity` bytes, the oldest frame at most `seconds` old; one frame is always let in."""
        self._seconds, self._capacity = seconds, capacity
        self._changed = threading.Condition()
        self._frames: deque[Arrived] = deque()
        self._bytes = 0
        self._batch: list[Arrived] = []
        self._batch_bytes = 0
        self._ended = False

    def put(self, frame: EncodedFrame) -> bool:
        """Adds a frame, unless there is no room or the queue has ended; says whether it did. Never waits for room."""
        now = time.monotonic()
        with self._changed:
            if self._ended or self._is_full(now, len(frame.data)):
                return False
            self._frames.append((now, frame))
            self._bytes += len(frame.data)
            if len(self._frames) == 1:
                self._changed.notify()
            return True

    def take(self, timeout_s: float) -> list[Arrived]:
        """The oldest frames, about BATCH_BYTES of them; none when nothing comes within the timeout."""
        with self._changed:
            self._batch, self._batch_bytes = [], 0
            self._changed.wait_for(lambda: self._frames or self._ended, timeout_s)
            while self._frames and self._batch_bytes < BATCH_BYTES:
                arrived = self._frames.popleft()
                self._batch.append(arrived)
                self._batch_bytes += len(arrived[1].data)
            self._bytes -= self._batch_bytes
            return self._batch

    def end(self) -> None:
        """No frame is let in any more; those that wait can be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def drop_all(self) -> None:
        """Forgets what waits and the batch that was taken."""
        with self._changed:
            self._frames.clear()
            self._batch = []
            self._bytes = self._batch_bytes = 0

    @property
    def closing(self) -> bool:
        """Whether no frame is let in any more."""
        return self._ended

    @property
    def ended(self) -> bool:
        """Whether no frame is let in and none waits."""
        with self._changed:
            return self._ended and not self._frames

    def figures(self) -> tuple[int, int, float]:
        """Frames and bytes that wait, and the age in seconds of the oldest."""
        with self._changed:
            bytes_ = self._bytes + self._batch_bytes
            return len(self._frames) + len(self._batch), bytes_, self._oldest_s(time.monotonic())

    def _oldest_s(self, now: float) -> float:
        first = self._batch or self._frames
        return now - first[0][0] if first else 0.0

    def _is_full(self, now: float, more: int) -> bool:
        waits = self._bytes + self._batch_bytes
        return waits > 0 and (waits + more > self._capacity or self._oldest_s(now) > self._seconds)
