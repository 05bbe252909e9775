"""One recording computer as a process: virtual devices, a clock that is wrong by as much as it is told.

Usage: recording_host.py NAME FOLDER CABLE SHIFT_US DRIFT_PPM DEVICE=ROLE ...
Prints its agent's address. CABLE is a file that stands for the synchronisation cable: the master writes into it when it
starts, subordinates in other processes wait for it, as they wait for the pulse.
"""

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import simplejpeg

from capture.device import DeviceDescription, DeviceStream
from capture.hosts.agent import HostAgent
from capture.hosts.host_recorder import HostRecorder
from capture.recorder.status import RecorderLimits
from capture.session_info import DeviceInfo
from capture.virtual.clocks import ClockEffects, draw_clocks
from capture.virtual.driver import RigTime, VirtualDriver
from capture.virtual.frame_sources import RenderedFrames

RATE_HZ = 30.0
PICTURE = simplejpeg.encode_jpeg(np.zeros((8, 8, 3), np.uint8))
"""A decoder reads no further than the end of the picture: what follows says which frame it is."""


class CableTime(RigTime):
    """Rig time that the master's process begins for all; frames arrive by this host's own clock."""

    def __init__(self, cable, clock, master):
        super().__init__(master=master)
        self.cable, self.clock = cable, clock

    def device_started(self, device):
        if device == self.master:
            partial = self.cable.with_suffix(".partial")
            partial.write_text(str(time.monotonic()))
            partial.replace(self.cable)

    @property
    def begun(self):
        if not self._begun.is_set() and self.cable.exists():
            self._origin_s = float(self.cable.read_text())
            self._begun.set()
        return self._begun.is_set()

    def host_us(self, rig_us):
        return self.clock(1e6 * self._origin_s + rig_us)


class FreeTime(RigTime):
    """Of a device that is not on the cable: begins when it is started."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def host_us(self, rig_us):
        return self.clock(1e6 * self._origin_s + rig_us)


def description(name, role):
    wired = role != "free"
    stream = DeviceStream(name=f"{name}/color", kind="color", encoding="jpeg", rate_hz=RATE_HZ, width=8, height=8)
    info = DeviceInfo(
        name=name, serial=f"serial of {name}", clock="pulse" if wired else name, sync=role if wired else "standalone"
    )
    return DeviceDescription(info=info, streams=(stream,))


def make_devices(roles, cable, clock):
    master = next((name for name, role in roles.items() if role == "master"), "the master of another host")
    shared = CableTime(cable, clock, master)
    made = []
    for name, role in roles.items():
        drawn = draw_clocks([] if role == "free" else [name], [name] if role == "free" else [],
                            effects=ClockEffects.quiet(), seed=0)[name]  # fmt: skip
        source = RenderedFrames(description(name, role), lambda s, k: PICTURE + f" {k}".encode(), seconds=60.0)
        made.append(VirtualDriver(name, source, drawn, FreeTime(clock) if role == "free" else shared))
    return made


def shifted(shift_us, drift_ppm):
    """This host's clock: the real one, shifted and too fast."""
    begun_us = time.monotonic_ns() // 1000

    def clock(real_us=None):
        real = time.monotonic_ns() // 1000 if real_us is None else real_us
        return round(real + shift_us + 1e-6 * drift_ppm * (real - begun_us))

    return clock


def main():
    name, folder, cable, shift_us, drift_ppm, *devices = sys.argv[1:]
    clock = shifted(int(shift_us), float(drift_ppm))
    roles = dict(device.split("=") for device in devices)
    recorder = HostRecorder(
        name,
        lambda: make_devices(roles, Path(cable), clock),
        Path(folder),
        clock=clock,
        limits=replace(RecorderLimits(), least_s=1.0, reserve_bytes=2**20),
    )
    with HostAgent(recorder) as address:
        sys.stdout.write(address.text + "\n")
        sys.stdout.flush()
        ended = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
        ended.wait()


if __name__ == "__main__":
    main()
