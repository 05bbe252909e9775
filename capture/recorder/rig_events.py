"""What happens to a device while a rig runs, and how often a silent one is opened again."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from capture.errors import CaptureError


@dataclass(frozen=True, kw_only=True, slots=True)
class RigEvent:
    """Something that happened to one device, in a sentence: lost, stalled, re-opened, given up."""

    host_us: int
    """When, on the host's monotonic clock."""
    device: str
    """Empty when it concerns the rig or the recording as a whole."""
    text: str

    def __str__(self) -> str:
        """`kinect_003: no frame for 5.1 s; …`."""
        return f"{self.device}: {self.text}" if self.device else self.text


class EventLog:
    """Events in the order in which they happened; any thread adds and reads."""

    def __init__(self) -> None:
        """An empty log."""
        self._lock = threading.Lock()
        self._events: list[RigEvent] = []

    def add(self, device: str, text: str) -> None:
        """Notes that it happened now."""
        with self._lock:
            self._events.append(RigEvent(host_us=time.monotonic_ns() // 1000, device=device, text=text))

    def all(self, since_us: int = 0) -> list[RigEvent]:
        """A copy of those at or after a moment of the host's clock."""
        with self._lock:
            return [event for event in self._events if event.host_us >= since_us]


@dataclass(frozen=True, kw_only=True, slots=True)
class RestartPolicy:
    """When and how often a device is stopped, closed, opened and started again."""

    stall_s: float = 5.0
    """A running device without a frame for this long is opened again: longer than the stalls of 3 s that end by
    themselves (assumed), as opening again costs seconds too."""
    pause_s: float = 1.0
    """Between closing and opening; the n-th attempt in a row waits n times as long."""
    attempts: int = 5
    """In a row without a frame for `healthy_s`; then the rig goes on without the device. 0: never opened again."""
    healthy_s: float = 10.0
    """A device that has delivered for this long has recovered: its attempts begin again at 0."""

    def __post_init__(self) -> None:
        """Raises CaptureError on figures that make no sense."""
        if self.stall_s <= 0 or self.pause_s < 0 or self.attempts < 0 or self.healthy_s < 0:
            raise CaptureError(f"{self}: stall_s must be above 0 and the others not below; correct the restart policy")
