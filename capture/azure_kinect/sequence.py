"""Frame numbers for a device that has none: from the times of its frames."""

from __future__ import annotations


class FrameCounter:
    """Counts the periods between one frame and the next, so that a lost frame is a gap in the numbers.

    Each step is rounded by itself: the drift of a clock against the nominal period never adds up to a frame.
    """

    def __init__(self, period_us: float) -> None:
        """`period_us`: time between frames."""
        self._period_us = period_us
        self._last_us: int | None = None
        self._number = 0
        self.jumps_back = 0
        """How often the time went backwards: the device's clock was reset."""

    def number(self, device_us: int) -> int:
        """The number of the frame at this time; the first is 0."""
        if self._last_us is not None:
            passed = device_us - self._last_us
            self.jumps_back += passed < 0
            self._number += max(1, round(passed / self._period_us))
        self._last_us = device_us
        return self._number
