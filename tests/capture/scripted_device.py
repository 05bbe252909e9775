"""A device that does what a test scripted: runs, falls silent, is lost, refuses to start."""

import threading
import time
from typing import Any, cast

from capture.device import Device, DeviceDescription, DeviceError, DeviceStream
from capture.device_frames import EncodedFrame
from capture.session_info import DeviceInfo

started: list[str] = []
"""Names in the order of all starts."""


class Scripted(Device):
    """Frames every 10 ms; its n-th start is `starts[n]`: run, silent (after 5), dumb, lose, refuse; then run.

    One with `pings` has them as often, whatever its other frames do.
    """

    def __init__(self, name, starts=(), sync="standalone", serials=("1",), pings=False):
        super().__init__(name)
        self.pings = pings
        self.starts, self.sync, self.serials = list(starts), cast(Any, sync), list(serials)
        self.quit = threading.Event()
        self.log = []

    def _open(self):
        serial = self.serials.pop(0) if len(self.serials) > 1 else self.serials[0]
        self.log.append("open")
        kinds: list[tuple[Any, Any]] = [("color", "jpeg"), ("clock", "json")] if self.pings else [("imu", "json")]
        streams = [DeviceStream(name=f"{self.name}/{k}", kind=k, encoding=e, rate_hz=100.0) for k, e in kinds]
        return DeviceDescription(
            info=DeviceInfo(name=self.name, serial=serial, sync=self.sync, clock="pulse"), streams=tuple(streams)
        )

    def _start(self):
        started.append(self.name)
        self.log.append("start")
        self.what = self.starts.pop(0) if self.starts else "run"
        if self.what == "refuse":
            raise DeviceError(f"{self.name}: the cable is missing")
        self.quit.clear()
        self.thread = threading.Thread(target=self._play, daemon=True)
        self.thread.start()

    def _play(self):
        number = pinged = 0
        while not self.quit.wait(0.01):
            if self.pings:
                self._send("clock", pinged)
                pinged += 1
            if self.what == "dumb":
                continue
            if self.what == "silent" and number >= 5:
                continue
            if self.what == "lose" and number >= 5:
                self._queue.fail("unplugged")
                return
            self._send("color" if self.pings else "imu", number)
            number += 1

    def _send(self, kind, number):
        us = time.monotonic_ns() // 1000
        stream = f"{self.name}/{kind}"
        self._queue.put(EncodedFrame(stream=stream, sequence=number, device_us=us, host_us=us, data=b"{}"))

    def _stop(self):
        self.log.append("stop")
        self.quit.set()
        self.thread.join()

    def _close(self):
        self.log.append("close")
