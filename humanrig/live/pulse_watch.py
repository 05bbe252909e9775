"""Whether wired devices still follow the master's pulse: how far their last frames lie from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from capture.device import DeviceDescription
from capture.device_frames import EncodedFrame

WIRED_CLOCK = "pulse"
LAST = 15
"""Half a second at 30 Hz: the median of so many is steady to a few microseconds and follows within a second."""
TOLERANCE_US = 100.0
"""Accepted between a subordinate and the master after their delays (Azure Kinect SDK, examples/green_screen)."""


@dataclass(frozen=True, slots=True)
class _Wired:
    device: str
    delay_us: int


class PulseWatch:
    """A sink for `LiveRig.attach`. Reads the newest device times of image streams on the cable, nothing else."""

    def __init__(self, descriptions: Sequence[DeviceDescription]) -> None:
        """The rig's devices; those whose clock is not `pulse` are not watched."""
        wired = [d for d in descriptions if d.info.clock == WIRED_CLOCK]
        masters = [d for d in wired if d.info.sync == "master"]
        reference = (masters or wired)[0] if wired else None
        image_streams = [(d, s) for d in wired for s in d.streams if s.kind in ("color", "depth", "ir")]
        self._wired = {s.name: _Wired(d.info.name, s.delay_us) for d, s in image_streams}
        own = [s for d, s in image_streams if d is reference]
        self._reference = own[0].name if own else None
        self._period_us = 1e6 / own[0].rate_hz if own else 0.0
        self._times: dict[str, deque[int]] = {name: deque(maxlen=LAST) for name in self._wired}

    def __call__(self, frame: EncodedFrame) -> None:
        """Remembers when the frame was exposed; called on the rig's pump threads."""
        times = self._times.get(frame.stream)
        if times is not None:
            times.append(frame.device_us - self._wired[frame.stream].delay_us)

    def residuals_us(self) -> Mapping[str, float]:
        """Per wired device, the median distance of its last frames from the master's pulse, delays taken off.

        The stream that is furthest off stands for its device. Devices that sent nothing yet are left out. The distance
        is modulo the period: a device that is a whole frame late shows 0, and shows as a hole in the recording.
        """
        pulses = tuple(self._times[self._reference]) if self._reference else ()
        if not pulses:
            return {}
        found: dict[str, float] = {}
        for stream, wired in self._wired.items():
            times = tuple(self._times[stream])
            if times:
                off = self._residual_us(times, pulses)
                if abs(off) >= abs(found.get(wired.device, 0.0)):
                    found[wired.device] = off
        return found

    def _residual_us(self, times: Sequence[int], pulses: Sequence[int]) -> float:
        return median(self._wrapped(float(time - min(pulses, key=lambda pulse: abs(pulse - time)))) for time in times)

    def _wrapped(self, us: float) -> float:
        return (us + self._period_us / 2) % self._period_us - self._period_us / 2
