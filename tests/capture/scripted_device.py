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
    """Frames every 10 ms; its n-th start is `starts[n]`: run, silent (after 5), dumb, lose, refuse; then run."""

    def __init__(self, name, starts=(), sync="standalone", serials=("1",)):
        super().__init__(name)
        self.starts, self.sync, self.serials = list(starts), cast(Any, sync), list(serials)
        self.quit = threading.Event()
        self.log = []

    def _open(self):
        serial = self.serials.pop(0) if len(self.serials) > 1 else self.serials[0]
        self.log.append("open")
        stream = DeviceStream(name=f"{self.name}/imu", kind="imu", encoding="json", rate_hz=100.0)
        return DeviceDescription(
            info=DeviceInfo(name=self.name, serial=serial, sync=self.sync, clock="pulse"), streams=(stream,)
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
        number = 0
        while not self.quit.wait(0.01):
            if self.what == "dumb":
                continue
            if self.what == "silent" and number >= 5:
                continue
            if self.what == "lose" and number >= 5:
                self._queue.fail("unplugged")
                return
            us = time.monotonic_ns() // 1000
            frame = EncodedFrame(stream=f"{self.name}/imu", sequence=number, device_us=us, host_us=us, data=b"{}")
            self._queue.put(frame)
            number += 1

    def _stop(self):
        self.log.append("stop")
        self.quit.set()
        self.thread.join()

    def _close(self):
        self.log.append("close")
