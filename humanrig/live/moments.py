"""Frames of a running rig that were exposed at one moment: what a board that is carried past looks the same in."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from capture.device import DeviceDescription
from capture.device_frames import EncodedFrame
from humanrig.live.pulse_watch import WIRED_CLOCK

KEPT = 6
"""Frames of each stream: a fifth of a second at 30 Hz, in which all devices deliver."""
TOLERANCE_US = 5000
"""Between frames of one moment: a hand moves a board 2 mm in that time."""
KINDS = ("color", "ir")


class Moments:
    """A sink for `LiveRig.attach`: keeps the last frames of the colour and infrared streams, and does nothing else.

    Devices on the cable compare by their own times less their delays; all others by when their frames arrived.
    """

    def __init__(self, descriptions: Sequence[DeviceDescription]) -> None:
        """The rig's devices."""
        self._delay_us: dict[str, int | None] = {}
        for description in descriptions:
            wired = description.info.clock == WIRED_CLOCK
            for stream in description.streams:
                if stream.kind in KINDS:
                    self._delay_us[stream.name] = stream.delay_us if wired else None
        self._taken_us = {True: -(1 << 62), False: -(1 << 62)}
        self._turns = {True: 0, False: 0}
        self._last: dict[str, deque[EncodedFrame]] = {name: deque(maxlen=KEPT) for name in self._delay_us}

    def __call__(self, frame: EncodedFrame) -> None:
        """Remembers the frame; called on the rig's pump threads."""
        kept = self._last.get(frame.stream)
        if kept is not None:
            kept.append(frame)

    @property
    def streams(self) -> tuple[str, ...]:
        """Those that are watched."""
        return tuple(self._last)

    def take(self) -> Mapping[str, EncodedFrame] | None:
        """The frames of the latest moment at which most streams have one; None where nothing came since the last call.

        Wired devices and those on clocks of their own take turns: their times do not compare.
        """
        for wired in sorted(self._turns, key=lambda group: self._turns[group]):
            found = self._of_group(wired)
            if found is not None:
                self._taken_us[wired], frames = found
                self._turns[wired] += 1
                return frames
        return None

    def _of_group(self, wired: bool) -> tuple[int, dict[str, EncodedFrame]] | None:
        timed = {
            name: [(self._time_us(frame), frame) for frame in tuple(kept)]
            for name, kept in self._last.items()
            if kept and (self._delay_us[name] is not None) == wired
        }
        best: tuple[int, dict[str, EncodedFrame]] | None = None
        after_us = self._taken_us[wired] + TOLERANCE_US
        for moment in sorted({us for some in timed.values() for us, _ in some if us > after_us}, reverse=True):
            near = {name: min(some, key=lambda one: abs(one[0] - moment)) for name, some in timed.items()}
            together = {name: frame for name, (us, frame) in near.items() if abs(us - moment) <= TOLERANCE_US}
            if best is None or len(together) > len(best[1]):
                best = (moment, together)
        return best

    def _time_us(self, frame: EncodedFrame) -> int:
        delay_us = self._delay_us[frame.stream]
        return frame.host_us if delay_us is None else frame.device_us - delay_us
