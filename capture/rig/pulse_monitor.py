"""How far from the master's pulse each wired device exposes, while the rig runs."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from capture.device import DeviceDescription, DeviceStream
from capture.device_frames import EncodedFrame
from capture.session_info import IMAGE_KINDS

RESIDUAL_LIMIT_US = 100
"""The Azure Kinect SDK's green_screen example pairs wired captures within this; further off, something is wrong."""
WINDOW = 64
"""Frames of a stream that the figures are about: two seconds of a Kinect."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Residual:
    """The last frames of one device against the pulse, delays taken off."""

    median_us: float
    worst_us: float
    """The largest in size."""

    @property
    def good(self) -> bool:
        """Whether it keeps to the pulse."""
        return self.worst_us <= RESIDUAL_LIMIT_US


class PulseMonitor:
    """A listener of `LiveRig` (`rig.attach(monitor.take)`); any thread may ask it."""

    def __init__(self, descriptions: Mapping[str, DeviceDescription]) -> None:
        """Devices that share the master's clock are wired; without a master, those of the commonest shared clock."""
        self._lock = threading.Lock()
        images = {name: [s for s in d.streams if s.kind in IMAGE_KINDS] for name, d in descriptions.items()}
        masters = [name for name, d in descriptions.items() if d.info.sync == "master" and images[name]]
        clocks = Counter(d.info.clock for name, d in descriptions.items() if images[name])
        clock = descriptions[masters[0]].info.clock if masters else (clocks.most_common(1) or [("", 0)])[0][0]
        wired = [name for name, d in descriptions.items() if d.info.clock == clock and images[name]]
        self.wired: tuple[str, ...] = tuple(wired) if len(wired) > 1 else ()
        """Devices that are compared; the others run on clocks of their own."""
        first = masters or wired
        self._reference = _first_stream(images[first[0]]) if first else None
        self._streams = {s.name: s for name in self.wired for s in images[name]}
        self._pulses: deque[float] = deque(maxlen=WINDOW)
        self._residuals: dict[str, deque[float]] = {name: deque(maxlen=WINDOW) for name in self._streams}

    def take(self, frame: EncodedFrame) -> None:
        """Notes a frame's time; costs microseconds."""
        stream = self._streams.get(frame.stream)
        if stream is None or self._reference is None:
            return
        time_us = float(frame.device_us - stream.delay_us)
        with self._lock:
            if frame.stream == self._reference.name:
                if self._pulses and time_us < self._pulses[-1]:
                    self._pulses.clear()  # its clock began again
                self._pulses.append(time_us)
            if self._pulses:
                period = self._period_us()
                off = (time_us - self._pulses[-1] + 0.5 * period) % period - 0.5 * period
                self._residuals[frame.stream].append(off)

    def residuals(self) -> dict[str, Residual]:
        """By device, of its worst stream; wired devices that have delivered only."""
        with self._lock:
            kept = {name: np.array(values) for name, values in self._residuals.items() if values}
        found: dict[str, Residual] = {}
        for name, values in kept.items():
            device = name.rsplit("/", maxsplit=1)[0]
            one = Residual(median_us=float(np.median(values)), worst_us=float(np.abs(values).max()))
            if device not in found or one.worst_us > found[device].worst_us:
                found[device] = one
        return found

    def _period_us(self) -> float:
        """Of the pulse as the master has it lately, its lost frames counted."""
        assert self._reference is not None
        nominal = 1e6 / self._reference.rate_hz
        span = self._pulses[-1] - self._pulses[0]
        count = round(span / nominal)
        return span / count if count else nominal


def _first_stream(streams: list[DeviceStream]) -> DeviceStream:
    """Colour where there is any: its camera makes the pulse."""
    return next((s for s in streams if s.kind == "color"), streams[0])
