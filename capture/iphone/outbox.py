"""What a phone keeps until the rig has it: frames in order, bounded, with a mark up to where they were sent."""

from __future__ import annotations

from collections import deque

KEPT_BYTES = 256 * 1024 * 1024
"""Some 8 s of 60 frames of 500 kB; what does not fit is dropped on the phone, and its number stays unused."""


class Outbox:
    """Frames of one take."""

    def __init__(self, take: int, first: int, capacity: int = KEPT_BYTES) -> None:
        """Empty; the first frame will have number `first`."""
        self.take = take
        self.numbered = first
        """Number of the next frame."""
        self.dropped = 0
        self._capacity, self._bytes = capacity, 0
        self._frames: deque[tuple[int, bytes]] = deque()
        self._cursor = first

    def take_number(self) -> int:
        """The number of a new frame, whether it will be kept or not."""
        self.numbered += 1
        return self.numbered - 1

    def keep(self, number: int, data: bytes) -> None:
        """Keeps a frame to be sent, or drops it when the outbox is full."""
        if self._bytes + len(data) > self._capacity:
            self.dropped += 1
            return
        self._frames.append((number, data))
        self._bytes += len(data)

    def acknowledge(self, upto: int) -> None:
        """Forgets all frames below `upto`."""
        while self._frames and self._frames[0][0] < upto:
            self._bytes -= len(self._frames.popleft()[1])

    def rewind(self, to: int) -> None:
        """Sends from this number on, next."""
        self._cursor = to

    def next_unsent(self) -> bytes | None:
        """The next frame to send, then counted as sent; None when there is none."""
        for number, data in self._frames:
            if number >= self._cursor:
                self._cursor = number + 1
                return data
        return None

    @property
    def kept(self) -> int:
        """Frames that are not acknowledged."""
        return len(self._frames)
