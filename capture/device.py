"""The interface of every device of a rig, real or virtual: open, start, frames, stop, health."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

from capture import depth_codec
from capture.device_frames import DeliveryQueue, EncodedFrame, StreamCounts
from capture.errors import CaptureError
from capture.session_info import DeviceInfo, StreamInfo, StreamKind
from geometry.camera import Camera

State = Literal["closed", "open", "running"]
POLL_S = 0.2
STALL_AFTER_S = 1.0
"""A running device without a frame for this long is stalled: thirty frames of a Kinect, sixty of a phone."""


class DeviceError(CaptureError):
    """A device could not do what it was asked; the message carries the driver's own reason."""


class DeviceStateError(DeviceError):
    """A call that the device's state does not allow, such as `start` before `open`."""


class DeviceLost(DeviceError):
    """A running device went away: unplugged, reset, or its driver gave up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceStream:
    """One stream as the device will send it."""

    name: str
    """`device/kind`."""
    kind: StreamKind
    encoding: Literal["jpeg", "png", "dzp", "json"]
    rate_hz: float
    width: int | None = None
    height: int | None = None
    delay_us: int = 0
    """How much later than the rig's pulse it was told to expose."""

    def recorded(self, file: str, frames: int) -> StreamInfo:
        """Its description in session.toml once `frames` frames lie in the MCAP `file`, under the topic `/name`."""
        return StreamInfo(
            name=self.name,
            kind=self.kind,
            file=file,
            encoding=self.encoding,
            frames=frames,
            topic=f"/{self.name}",
            width=self.width,
            height=self.height,
            rate_hz=self.rate_hz,
            delay_us=self.delay_us,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class DeviceDescription:
    """What a device says of itself when it is opened."""

    info: DeviceInfo
    """Name, model, serial, clock and sync role, as session.toml keeps them."""
    streams: tuple[DeviceStream, ...]
    cameras: tuple[Camera, ...] = ()
    """Factory calibration of the image streams, in the device's own frame but for those that are `placed`."""
    placed: frozenset[str] = frozenset()
    """Names of cameras whose `T_world_camera` is their pose in the world: a simulation or a playback knows it."""
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    """Factory calibration as the maker writes it; file name to bytes, for the recording's attachments."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceHealth:
    """How a device is doing; cheap to ask for at any time."""

    device: str
    state: State
    streams: Mapping[str, StreamCounts]
    queued: int
    """Frames that wait to be taken."""
    last_frame_age_s: float | None
    """Time since a frame arrived; None before the first since `start`."""
    stalled: bool
    """Running, and no frame for STALL_AFTER_S."""
    temperature_c: float | None = None
    """None where the device does not tell."""
    message: str = ""
    """What is wrong, one sentence; empty when nothing is."""

    @property
    def delivered(self) -> int:
        """Frames of all streams since `start` that were taken or wait to be."""
        return sum(counts.delivered for counts in self.streams.values())

    @property
    def dropped(self) -> int:
        """Frames of all streams since `start` that were lost, in the device or before a full queue."""
        return sum(counts.dropped for counts in self.streams.values())


class Device(ABC):
    """One physical or virtual unit.

    Life: `open`, `start`, take frames, `stop`, (`start` again), `close`. One thread calls these and takes the frames;
    `health` may be called from any thread. The driver's own thread hands frames to a bounded queue: when it is full the
    new frame is lost and counted, the device never waits (`docs/devices.md`). A driver implements the four `_` methods
    and calls `self._queue.put` for each frame and `self._queue.fail` when the device goes away.
    """

    def __init__(self, name: str, *, queue_bytes: int | None = None) -> None:
        """A closed device; nothing is touched before `open`."""
        self.name = name
        self._queue = DeliveryQueue() if queue_bytes is None else DeliveryQueue(queue_bytes)
        self._state: State = "closed"
        self._started_s = 0.0
        self._description: DeviceDescription | None = None

    def open(self) -> DeviceDescription:
        """Claims the device and says what it is. Raises DeviceError with the driver's reason."""
        self._need("closed", "open")
        self._description = self._open()
        self._state = "open"
        if any(stream.encoding == "dzp" for stream in self._description.streams):
            depth_codec.prepare()
        return self._description

    def start(self) -> None:
        """Begins to deliver; counts begin at 0. Start subordinates before their master. Raises DeviceError."""
        self._need("open", "start")
        assert self._description is not None
        self._queue.begin([stream.name for stream in self._description.streams])
        self._started_s = time.monotonic()
        try:
            self._start()
        except BaseException:
            self._queue.end()
            raise
        self._state = "running"

    def next_frame(self, timeout_s: float = 1.0) -> EncodedFrame | None:
        """The next frame of any stream in the order of arrival, or None when there is none within the timeout.

        After `stop` it gives what is still queued, then None. Raises DeviceLost, once what arrived before has been
        taken, when the device went away, and DeviceStateError before the first `start`.
        """
        if self._state == "closed" or self._started_s == 0:
            raise DeviceStateError(f"{self.name}: frames were asked for while it is {self._state}; call start() first")
        frame = self._queue.take(timeout_s)
        if frame is None and self._queue.failure is not None:
            raise DeviceLost(f"{self.name}: {self._queue.failure}")
        return frame

    def frames(self) -> Iterator[EncodedFrame]:
        """All frames until the device is stopped (from another thread) or has no more; blocks between them."""
        while True:
            frame = self.next_frame(POLL_S)
            if frame is not None:
                yield frame
            elif self.ended:
                return

    @property
    def ended(self) -> bool:
        """Whether no frame will come any more before the next `start`."""
        return self._queue.ended

    def stop(self) -> None:
        """Ends delivery; queued frames can still be taken. Does nothing when it is not running."""
        if self._state == "running":
            try:
                self._stop()
            finally:
                self._queue.end()
                self._state = "open"

    def close(self) -> None:
        """Stops and gives the device back. May be called twice."""
        if self._state == "closed":
            return
        try:
            self.stop()
        finally:
            self._state, self._started_s = "closed", 0.0
            self._close()

    def health(self) -> DeviceHealth:
        """How the device is doing now."""
        counts, queued, last_s = self._queue.figures()
        now = time.monotonic()
        waiting = now - (self._started_s if last_s is None else last_s)
        stalled = self._state == "running" and not self._queue.finished and waiting > STALL_AFTER_S
        message = f"no frame for {waiting:.1f} s" if stalled else ""
        if self._queue.failure is not None:
            message = self._queue.failure
        return DeviceHealth(
            device=self.name,
            state=self._state,
            streams=counts,
            queued=queued,
            last_frame_age_s=None if last_s is None else now - last_s,
            stalled=stalled,
            temperature_c=self._temperature_c(),
            message=message or self._remark(),
        )

    @abstractmethod
    def _open(self) -> DeviceDescription:
        """Claims the device."""

    @abstractmethod
    def _start(self) -> None:
        """Starts the thread or callback that puts frames into the queue."""

    @abstractmethod
    def _stop(self) -> None:
        """Returns when no further frame will be put."""

    @abstractmethod
    def _close(self) -> None:
        """Gives the device back."""

    def _temperature_c(self) -> float | None:
        return None

    def _remark(self) -> str:
        """What a driver wants to say beside the general checks."""
        return ""

    def _need(self, state: State, call: str) -> None:
        if self._state != state:
            hint = {"closed": "call open() first", "open": "call start() or close()", "running": "call stop() first"}
            raise DeviceStateError(
                f"{self.name}: {call}() needs a device that is {state}, it is {self._state}; {hint[self._state]}"
            )

    def __enter__(self) -> Device:
        """The device, opened if it was not."""
        if self._state == "closed":
            self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it, also after an error."""
        self.close()
