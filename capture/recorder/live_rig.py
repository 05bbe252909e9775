"""A rig that runs: one thread takes the frames of each device and hands them on; a silent device is opened again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from capture.device import Device, DeviceDescription, DeviceHealth, DeviceStateError
from capture.device_frames import EncodedFrame
from capture.doubled_names import doubled_name
from capture.errors import CaptureError
from capture.recorder.device_pump import DevicePump, reason_of
from capture.recorder.rig_events import EventLog, RestartPolicy, RigEvent

__all__ = ["LiveRig", "RestartPolicy", "RigEvent", "Sink"]

Sink = Callable[[EncodedFrame], None]
DEFAULT_RESTART = RestartPolicy()
STOP_WITHIN_S = 10.0
"""A driver that has not stopped by then hangs in its library; the others must not wait for it."""


class LiveRig:
    """Opens and runs devices, and keeps them running.

    Life: `open`, `start`, `stop`, (`start` again), `close`; one thread calls these, `attach`, `detach`, `health` and
    `events` may be called from any. What goes wrong with one device after the start is an event, not an exception:
    the others go on.
    """

    def __init__(self, devices: Sequence[Device], *, restart: RestartPolicy = DEFAULT_RESTART) -> None:
        """Closed devices in the order in which they are shown. Raises CaptureError on none or on doubled names."""
        names = [device.name for device in devices]
        if not names:
            raise CaptureError("the rig has no device; list at least one in rig.toml")
        if doubled := doubled_name(names):
            raise CaptureError(f"two devices are called '{doubled}'; give them different names")
        self.devices: dict[str, Device] = {device.name: device for device in devices}
        self.descriptions: Mapping[str, DeviceDescription] = {}
        """By device, after `open`."""
        self._restart = restart
        self._log = EventLog()
        self._sinks: tuple[Sink, ...] = ()
        self._changing = threading.Lock()
        """Held while sinks come and go; frames are handed to those of one moment without it."""
        self._pumps: dict[str, DevicePump] = {}

    @property
    def events(self) -> list[RigEvent]:
        """What happened to devices since the rig was made, oldest first."""
        return self._log.all()

    @property
    def running(self) -> bool:
        """Whether it was started and not yet stopped."""
        return bool(self._pumps) and not all(pump.stopped for pump in self._pumps.values())

    @property
    def finished(self) -> bool:
        """Whether it was started and no device will deliver any more: recordings that were played are at their end,
        or every device was given up."""
        return bool(self._pumps) and all(pump.finished for pump in self._pumps.values())

    def open(self) -> None:
        """Opens all devices. Raises DeviceError with the first one's reason; the others are closed again then."""
        if self.descriptions:
            raise DeviceStateError("the rig is open already; call close() first")
        found: dict[str, DeviceDescription] = {}
        try:
            for name, device in self.devices.items():
                found[name] = device.open()
        except BaseException:
            self.close()
            raise
        self.descriptions = found

    def start(self) -> None:
        """Starts the subordinates from the end of the cable, then free devices, then the master.

        Raises DeviceError with the first one's reason; the others are stopped again then.
        """
        if not self.descriptions:
            raise DeviceStateError("the rig is not open; call open() first")
        if self.running:
            raise DeviceStateError("the rig runs already; call stop() first")
        self._pumps = {}
        order = start_order(self.descriptions)
        master = next((name for name in order if self.descriptions[name].info.sync == "master"), None)
        try:
            for name in order:
                pump = DevicePump(
                    self.devices[name],
                    self.descriptions[name],
                    self._give,
                    self._log,
                    self._restart,
                    lambda: self._pumps.get(master) if master else None,
                )
                pump.start()
                self._pumps[name] = pump
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends delivery; what devices had queued is handed on first. Does nothing when it is not running."""
        for pump in self._pumps.values():
            pump.ask_to_stop()
        until = time.monotonic() + STOP_WITHIN_S
        for name, pump in self._pumps.items():
            if not pump.wait(max(0.0, until - time.monotonic())):
                self._log.add(name, f"did not stop within {STOP_WITHIN_S:.0f} s; unplug it before the next take")

    def close(self) -> None:
        """Stops and gives all devices back. May be called twice."""
        self.stop()
        for name, device in self.devices.items():
            pump = self._pumps.get(name)
            if pump is not None:
                pump.close()  # where its driver hangs, as soon as that returns
                continue
            try:
                device.close()
            except Exception as error:  # a library's own error must not keep the other devices open
                self._log.add(name, f"could not be closed: {reason_of(error, name)}")
        self.descriptions = {}

    def attach(self, sink: Sink) -> None:
        """From now on `sink` gets every frame of every device, on the devices' threads: it must return at once.

        A sink that raises is detached, and an event says so.
        """
        with self._changing:
            self._sinks = (*self._sinks, sink)

    def detach(self, sink: Sink) -> None:
        """It gets no further frame, but for those that are being handed on at this moment."""
        with self._changing:
            self._sinks = tuple(other for other in self._sinks if other != sink)

    def health(self) -> tuple[DeviceHealth, ...]:
        """How each device is doing, counts since the start of the rig."""
        return tuple(
            self._pumps[name].health() if name in self._pumps else device.health()
            for name, device in self.devices.items()
        )

    def note(self, device: str, text: str) -> None:
        """Adds an event of whoever uses the rig, such as the recorder."""
        self._log.add(device, text)

    def _give(self, frame: EncodedFrame) -> None:
        for sink in self._sinks:
            try:
                sink(frame)
            except Exception as error:  # whatever a listener does, devices and the other listeners go on
                self.detach(sink)
                self._log.add("", f"a listener failed at a frame of {frame.stream} and gets no more: {error!r}")

    def __enter__(self) -> LiveRig:
        """The rig, opened if it was not."""
        if not self.descriptions:
            self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it, also after an error."""
        self.close()


def start_order(descriptions: Mapping[str, DeviceDescription]) -> list[str]:
    """Subordinates from the end of the cable, then devices that run free, then the master."""
    rank = {"subordinate": 0, "standalone": 1, "master": 2}
    return sorted(reversed(list(descriptions)), key=lambda name: rank[descriptions[name].info.sync])
