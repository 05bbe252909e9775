"""A virtual device: frames of a recording or a renderer, played in real time with the faults of a clock."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int64

from capture.device import Device, DeviceDescription, DeviceError
from capture.device_frames import EncodedFrame
from capture.errors import CaptureError
from capture.virtual.clocks import ClockedFrames, DeviceClock
from capture.virtual.frame_sources import FrameSource

UNPACED_ORIGIN_US = 40_000_000
"""Host time of rig time 0 when frames are not paced: fixed, so that the bytes of a recording are repeatable."""

LATE_S = 1.0
"""A player this far behind says so."""


@dataclass(eq=False)
class RigTime:
    """When rig time 0 was, on the host's monotonic clock; shared by the devices of one rig.

    With a master on the cable, nothing happens before the master starts; without one, the first device starts it.
    """

    speed: float = 1.0
    """Rig seconds in a second; infinity: as fast as frames are taken."""
    master: str | None = None
    _begun: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _origin_s: float = 0.0

    def __post_init__(self) -> None:
        """Raises CaptureError on a speed that is not positive."""
        if not self.speed > 0:
            raise CaptureError(f"speed is {self.speed}, it must be above 0; use infinity for no pacing")

    @property
    def paced(self) -> bool:
        """Whether frames wait for their time."""
        return bool(np.isfinite(self.speed))

    @property
    def begun(self) -> bool:
        """Whether rig time runs."""
        return self._begun.is_set()

    def device_started(self, device: str) -> None:
        """Begins rig time if this device begins it."""
        with self._lock:
            if not self.begun and self.master in (None, device):
                self._origin_s = time.monotonic()
                self._begun.set()

    def due_s(self, rig_us: int) -> float:
        """When a moment of rig time is due, on the host's monotonic clock."""
        return self._origin_s + 1e-6 * rig_us / self.speed if self.paced else 0.0

    def host_us(self, rig_us: int) -> int:
        """Host time of a moment of rig time; the host's own monotonic clock at speed 1."""
        return rig_us + (round(1e6 * self._origin_s) if self.paced else UNPACED_ORIGIN_US)


class VirtualDriver(Device):
    """Plays one device of a virtual rig through the interface that real drivers have.

    Frames become available when the clock says that they reach the host. Paced, a full queue loses frames as hardware
    does; not paced, the source waits for room. A device started again goes on at the present rig time.
    """

    def __init__(
        self, name: str, source: FrameSource, clock: DeviceClock, rig: RigTime, *, queue_bytes: int | None = None
    ) -> None:
        """`rig` is shared by all devices that are to play together."""
        super().__init__(name, queue_bytes=queue_bytes)
        self.clock, self._source, self._rig = clock, source, rig
        self._thread: threading.Thread | None = None
        self._quit = threading.Event()
        self._lateness_s: list[float] = []
        self.clocked: dict[str, ClockedFrames] = {}
        """By stream, after `open`: the truth of every frame's times, lost frames included."""
        self._played = 0

    @property
    def speed(self) -> float:
        """Rig seconds in a second."""
        return self._rig.speed

    @property
    def lateness_s(self) -> Float[np.ndarray, "frames"]:
        """How much later than due each frame was handed over since `start`."""
        return np.array(self._lateness_s)

    def _open(self) -> DeviceDescription:
        try:
            found = self._source.open()
        except CaptureError as error:
            raise DeviceError(f"{self.name}: cannot be opened: {error}") from error
        self.clocked = {s.name: self.clock.frames(s.kind, self._source.pulses_us(s.name)) for s in found.streams}
        self._schedule = _schedule(self.clocked)
        self._played = 0
        streams = tuple(replace(s, delay_us=self.clock.delay_us(s.kind)) for s in found.streams)
        return replace(found, streams=streams, info=replace(found.info, clock=self.clock.clock))

    def _start(self) -> None:
        self._quit.clear()
        self._lateness_s = []
        self._rig.device_started(self.name)
        self._thread = threading.Thread(target=self._play, name=f"virtual {self.name}", daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        self._quit.set()
        self._queue.end()  # frees a source that waits for room
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _close(self) -> None:
        self._source.close()

    def _remark(self) -> str:
        if self._state == "running" and not self._rig.begun:
            return f"waits for the pulse of the master {self._rig.master}; start the master"
        late_s = self._lateness_s[-1] if self._lateness_s else 0.0
        if self._state == "running" and late_s > LATE_S:
            return f"plays {late_s:.0f} s late: this computer is too slow for it; lower the rig's speed"
        return ""

    def _play(self) -> None:
        try:
            while not self._rig.begun:
                if self._quit.wait(0.002):
                    return
            self._deliver_all()
        except CaptureError as error:
            self._queue.fail(str(error))
        except Exception as error:  # a renderer may raise anything; the recorder must hear of it
            self._queue.fail(f"{type(error).__name__}: {error}")

    def _deliver_all(self) -> None:
        names = list(self.clocked)
        paced = self._rig.paced
        while self._played < len(self._schedule):
            number, index = (int(v) for v in self._schedule[self._played])
            times = self.clocked[names[number]]
            arrived_us = int(times.arrived_us[index])
            due_s = self._rig.due_s(arrived_us)
            if paced and due_s < self._started_s:  # it came before this start
                self._played += 1
                continue
            data = self._source.data(names[number], index)
            if self._quit.wait(max(0.0, due_s - time.monotonic())) if paced else self._quit.is_set():
                return
            frame = EncodedFrame(
                stream=names[number],
                sequence=index,
                device_us=int(times.device_us[index]),
                host_us=self._rig.host_us(arrived_us),
                data=data,
            )
            if paced:
                self._lateness_s.append(time.monotonic() - due_s)
            self._queue.put(frame, wait=not paced)
            self._played += 1
        self._queue.end()


def _schedule(clocked: dict[str, ClockedFrames]) -> Int64[np.ndarray, "frames 2"]:
    """Number of the stream and index of each frame that is delivered, in the order of arrival."""
    parts = [np.flatnonzero(times.delivered) for times in clocked.values()]
    rows = [np.stack([np.full(len(part), number), part], -1) for number, part in enumerate(parts)]
    arrived = [times.arrived_us[part] for times, part in zip(clocked.values(), parts)]
    if not rows:
        return np.zeros((0, 2), np.int64)
    return np.concatenate(rows)[np.argsort(np.concatenate(arrived), kind="stable")]
