"""The newest frame of every stream: what a preview takes from a running rig without ever holding it up."""

from __future__ import annotations

import time
from collections import deque

from capture.device_frames import EncodedFrame

RATE_WINDOW_S = 2.0
KEPT_ARRIVALS = 200
"""Enough for the window at 100 frames a second."""


class NewestFrames:
    """A sink for `LiveRig.attach`: keeps one frame a stream and counts; it takes no lock and does no other work."""

    def __init__(self) -> None:
        """Nothing has arrived."""
        self._newest: dict[str, EncodedFrame] = {}
        self._arrivals: dict[str, deque[float]] = {}

    def __call__(self, frame: EncodedFrame) -> None:
        """Remembers the frame instead of the one before; called on the rig's pump threads."""
        arrivals = self._arrivals.get(frame.stream)
        if arrivals is None:
            arrivals = self._arrivals.setdefault(frame.stream, deque(maxlen=KEPT_ARRIVALS))
        arrivals.append(time.monotonic())
        self._newest[frame.stream] = frame

    def newest(self, stream: str) -> EncodedFrame | None:
        """The last frame of a stream; None before the first."""
        return self._newest.get(stream)

    def rate_hz(self, stream: str) -> float:
        """Frames a second over the last two seconds."""
        arrivals = self._arrivals.get(stream)
        if arrivals is None:
            return 0.0
        begin = time.monotonic() - RATE_WINDOW_S
        return sum(arrived > begin for arrived in tuple(arrivals)) / RATE_WINDOW_S

    def age_s(self, stream: str) -> float | None:
        """Time since the last frame; None before the first."""
        arrivals = self._arrivals.get(stream)
        return time.monotonic() - arrivals[-1] if arrivals else None
