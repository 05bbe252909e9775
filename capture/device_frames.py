"""Frames on their way from a driver's thread to whoever records them: a bounded queue that counts every loss."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

QUEUE_BYTES = 64 * 1024 * 1024
"""About 6 s of one Kinect at 217 kB a colour frame, 120 kB a depth frame, 30 Hz."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedFrame:
    """One frame as it is recorded: compressed bytes with both clocks."""

    stream: str
    """`device/kind`."""
    sequence: int
    """The device's own frame counter: a gap is a lost frame. Drivers of devices without one derive it from their
    times."""
    device_us: int
    """The device's own clock."""
    host_us: int
    """The host's monotonic clock at arrival."""
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamCounts:
    """Frames of one stream since `start`."""

    delivered: int = 0
    missed: int = 0
    """Gaps in the sequence: lost in the device or on its cable."""
    overflowed: int = 0
    """Arrived while the queue was full, and thrown away."""

    @property
    def dropped(self) -> int:
        """All that was lost."""
        return self.missed + self.overflowed


class DeliveryQueue:
    """First in, first out, at most `capacity` bytes; one thread puts and another takes."""

    def __init__(self, capacity: int = QUEUE_BYTES) -> None:
        """An ended queue; `begin` makes it ready."""
        self._capacity = capacity
        self._changed = threading.Condition()
        self._frames: deque[EncodedFrame] = deque()
        self._bytes = 0
        self._counts: dict[str, list[int]] = {}
        self._sequence: dict[str, int] = {}
        self._last_s: float | None = None
        self._finished = True
        self.failure: str | None = None

    def begin(self, streams: Sequence[str]) -> None:
        """Empties the queue and begins to count at 0."""
        with self._changed:
            self._frames.clear()
            self._bytes = 0
            self._counts = {stream: [0, 0, 0] for stream in streams}
            self._sequence = {}
            self._last_s, self._finished, self.failure = None, False, None

    def put(self, frame: EncodedFrame, *, wait: bool = False) -> bool:
        """Adds a frame, if there is room, and says so; counts the gap before it.

        `wait` is for sources that can be held up (a file played faster than real time): it waits for room. A frame
        larger than the whole queue is let in when the queue is empty.
        """
        with self._changed:
            while wait and not self._finished and not self._has_room(frame):
                self._changed.wait()
            if self._finished:
                return False
            counts = self._counts[frame.stream]
            before = self._sequence.get(frame.stream)
            if before is not None:
                counts[1] += max(0, frame.sequence - before - 1)
            self._sequence[frame.stream] = frame.sequence
            self._last_s = time.monotonic()
            if not self._has_room(frame):
                counts[2] += 1
                return False
            counts[0] += 1
            self._frames.append(frame)
            self._bytes += len(frame.data)
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float) -> EncodedFrame | None:
        """The oldest frame; None when none comes within the timeout, or the queue has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._finished, timeout_s)
            if not self._frames:
                return None
            frame = self._frames.popleft()
            self._bytes -= len(frame.data)
            self._changed.notify_all()
            return frame

    def fail(self, reason: str) -> None:
        """The device went away, for this reason; frames that wait can still be taken."""
        with self._changed:
            self.failure = reason
            self._finished = True
            self._changed.notify_all()

    def end(self) -> None:
        """No further frame will be put."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Whether no further frame will be put."""
        return self._finished

    @property
    def ended(self) -> bool:
        """Whether no further frame can be taken."""
        with self._changed:
            return self._finished and not self._frames

    def figures(self) -> tuple[dict[str, StreamCounts], int, float | None]:
        """Counts by stream, frames that wait, and when the last frame arrived (`time.monotonic`)."""
        with self._changed:
            counts = {
                stream: StreamCounts(delivered=taken, missed=missed, overflowed=overflowed)
                for stream, (taken, missed, overflowed) in self._counts.items()
            }
            return counts, len(self._frames), self._last_s

    def _has_room(self, frame: EncodedFrame) -> bool:
        return not self._frames or self._bytes + len(frame.data) <= self._capacity
