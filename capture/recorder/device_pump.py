"""The thread that takes one device's frames, hands them on, and opens the device again when it falls silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from capture.device import POLL_S, STALL_AFTER_S, Device, DeviceDescription, DeviceError, DeviceHealth
from capture.device_frames import EncodedFrame, StreamCounts
from capture.recorder.rig_events import EventLog, RestartPolicy
from capture.session_info import IMAGE_KINDS


class DevicePump:
    """Runs one opened device from `start` until it is asked to stop, has no more frames, or is given up."""

    def __init__(
        self,
        device: Device,
        description: DeviceDescription,
        give: Callable[[EncodedFrame], None],
        log: EventLog,
        policy: RestartPolicy,
        master: Callable[[], DevicePump | None],
    ) -> None:
        """`master` tells the pump of the cable's master: while that one is silent, so are its subordinates."""
        self.device, self._description, self._give = device, description, give
        self._log, self._policy, self._master = log, policy, master
        images = frozenset(stream.name for stream in description.streams if stream.kind in IMAGE_KINDS)
        self._awaited = images or frozenset(stream.name for stream in description.streams)
        """Streams whose silence is a stall: a phone pings and a gyroscope turns while no picture comes."""
        self._quit = threading.Event()
        self._thread: threading.Thread | None = None
        self._earlier: dict[str, StreamCounts] = {}
        """Counts of its earlier starts."""
        self._folded = False
        """Whether the counts of the present start are among them already."""
        self._attempt = 0
        self._has_delivered = False
        self._fresh_s = self._opened_s = time.monotonic()
        self._trouble = ""
        self._done = False
        self._leaving = threading.Lock()
        self._is_left = False
        """The rig was closed: whoever ends last closes the device."""
        self._has_run = False

    def start(self) -> None:
        """Starts the device here, so that its refusal is the caller's, and then the thread; one that was given up
        before is opened again first."""
        if self.device.health().state == "closed":
            self._same(self.device.open())
        self.device.start()
        self._fresh_s = self._opened_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"pump {self.device.name}", daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Returns at once."""
        self._quit.set()

    def wait(self, timeout_s: float) -> bool:
        """Whether the thread has ended within the timeout."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self.stopped

    @property
    def stopped(self) -> bool:
        """Whether the thread has ended."""
        return self._thread is None or not self._thread.is_alive()

    @property
    def finished(self) -> bool:
        """Whether the device will deliver no more before the next start."""
        return self._done or self.stopped

    @property
    def silent_s(self) -> float:
        """Time since the last frame, since the last picture of a device that has pictures, or since it was started."""
        return time.monotonic() - self._fresh_s

    def health(self) -> DeviceHealth:
        """The device's own, with the counts of all its starts and what the watchdog does."""
        health = self.device.health()
        streams = {stream.name: StreamCounts() for stream in self._description.streams}
        for counts in (self._earlier, {} if self._folded else health.streams):
            for name, new in counts.items():
                streams[name] = _sum(streams.get(name, StreamCounts()), new)
        return replace(health, streams=streams, message=self._trouble or health.message)

    def close(self) -> None:
        """Gives the device back: here, or on its own thread as soon as the driver in which that hangs returns."""
        with self._leaving:
            self._is_left = True
            if not self.stopped and not self._has_run:
                return
        self._close()

    def _close(self) -> None:
        try:
            self.device.close()
        except Exception as error:  # a library's own error must not keep the other devices open
            self._log.add(self.device.name, f"could not be closed: {reason_of(error, self.device.name)}")

    def _run(self) -> None:
        try:
            self._pump()
        finally:
            with self._leaving:
                self._has_run = True
                is_left = self._is_left
            if is_left:
                self._close()

    def _pump(self) -> None:
        while not self._quit.is_set():
            try:
                frame = self.device.next_frame(POLL_S)
            except Exception as error:  # DeviceLost, or whatever a driver let through
                if not self._open_again(reason_of(error, self.device.name)):
                    return
                continue
            if frame is not None:
                self._took(frame)
            elif self.device.ended:
                self._log.add(self.device.name, "has no more frames")
                self._done = True
                return
            if self._is_stalled() and not self._open_again(f"no frame for {self.silent_s:.1f} s"):
                return
        self._stop_and_drain()

    def _took(self, frame: EncodedFrame) -> None:
        if frame.stream in self._awaited:
            self._fresh_s = time.monotonic()
            self._has_delivered = True
            if self._attempt and self._fresh_s - self._opened_s > self._policy.healthy_s:
                self._attempt = 0
        self._give(frame)

    def _is_stalled(self) -> bool:
        if self.silent_s <= self._policy.stall_s:
            return False
        if self._description.info.sync == "subordinate" and self._waits_for_pulse(self._master()):
            self._fresh_s = time.monotonic()  # judge it once the master is back
            return False
        return True

    def _waits_for_pulse(self, master: DevicePump | None) -> bool:
        """Whether a silent subordinate has a reason: its master, here or on another computer, sends no pulse."""
        if master is None:
            return not self._has_delivered
        return master.finished or master.silent_s > STALL_AFTER_S

    def _open_again(self, reason: str) -> bool:
        """Whether it runs again; otherwise it was given up, or the rig is being stopped."""
        name, policy = self.device.name, self._policy
        while self._attempt < policy.attempts:
            self._attempt += 1
            self._trouble = f"{reason}; opening it again ({self._attempt} of {policy.attempts})"
            self._log.add(name, self._trouble)
            self._earlier, self._folded = dict(self.health().streams), True
            self._close()  # whatever it says, it is closed as far as the interface goes
            if self._quit.wait(policy.pause_s * self._attempt):
                self._done = True
                return False
            try:
                self._same(self.device.open())
                if self._quit.is_set():  # the rig was stopped, perhaps closed, while it opened
                    self._done = True
                    return False
                self.device.start()
                self._folded = False
            except Exception as error:
                reason = reason_of(error, name)
                continue
            self._log.add(name, f"opened again after {self.silent_s:.1f} s without a frame")
            self._fresh_s = self._opened_s = time.monotonic()
            self._trouble = ""
            return True
        times = f"opened again {policy.attempts} times in vain, " if policy.attempts else ""
        self._trouble = f"given up ({times}{reason}); the rig goes on without it"
        self._log.add(name, self._trouble)
        self._done = True
        return False

    def _same(self, found: DeviceDescription) -> None:
        was = [(s.name, s.encoding, s.width, s.height) for s in self._description.streams]
        if [(s.name, s.encoding, s.width, s.height) for s in found.streams] != was:
            raise DeviceError("came back with other streams; restart the take")
        serial = self._description.info.serial
        if found.info.serial != serial:
            raise DeviceError(f"came back as serial {found.info.serial}, it was {serial}; plug the first one in")

    def _stop_and_drain(self) -> None:
        try:
            self.device.stop()
            while (frame := self.device.next_frame(0.0)) is not None:
                self._give(frame)
        except Exception as error:
            self._log.add(self.device.name, f"did not stop cleanly: {reason_of(error, self.device.name)}")


def _sum(a: StreamCounts, b: StreamCounts) -> StreamCounts:
    return StreamCounts(
        delivered=a.delivered + b.delivered, missed=a.missed + b.missed, overflowed=a.overflowed + b.overflowed
    )


def reason_of(error: BaseException, device: str) -> str:
    """Why, without the device's name in front: events name it."""
    text = str(error) if isinstance(error, DeviceError) else f"{type(error).__name__}: {error}"
    return text.removeprefix(f"{device}: ")
