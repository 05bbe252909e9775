"""The same frames through the maker's libk4arecord, one file a device, in real time: for comparison."""

from __future__ import annotations

import resource
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capture.azure_kinect.record_writer import K4aRecordWriter
from capture.azure_kinect.settings import KinectSettings
from scripts.recorder_rig.sensor_rig import RATE_HZ, SensorFrames

FLUSH_S = 1.0
"""As our own recorder syncs: what waits in the library's memory is lost when the program is killed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class K4aRecorded:
    """What the library needed."""

    seconds: float
    drained_s: float
    """Until all files were closed."""
    cpu_percent: float
    """Of one core."""
    lag_p99_s: float
    """From when a capture was due to when the library took it."""
    bytes: int


def record_k4a(frames: list[SensorFrames], folder: Path, seconds: float) -> K4aRecorded:
    """Writes FOLDER/NAME.mkv of each device; deletes them. Raises LibraryUnavailable without the library."""
    settings = KinectSettings(color_resolution="1080P", depth_mode="NFOV_UNBINNED", imu=False)
    writers = [
        K4aRecordWriter(folder / f"{d.name}.mkv", settings, serial=d.name, calibration=d.calibration) for d in frames
    ]
    lags: list[float] = []
    cpu_s, begun_s = _cpu_s(), time.monotonic()

    def play(device: SensorFrames, writer: K4aRecordWriter) -> None:
        flushed_s = begun_s
        for index in range(round(seconds * RATE_HZ)):
            due_s = begun_s + index / RATE_HZ
            time.sleep(max(0.0, due_s - time.monotonic()))
            turn, time_us = device.turn(index), round(1e6 * index / RATE_HZ)
            writer.write(color=(time_us, device.color[turn]), depth=(time_us, device.depth[turn]))
            if time.monotonic() - flushed_s > FLUSH_S:
                writer.flush()
                flushed_s = time.monotonic()
            lags.append(time.monotonic() - due_s)
        writer.close()

    threads = [threading.Thread(target=play, args=pair) for pair in zip(frames, writers, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drained_s, used_s = time.monotonic() - begun_s, _cpu_s() - cpu_s
    size = sum(writer.path.stat().st_size for writer in writers)
    for writer in writers:
        writer.path.unlink()
    return K4aRecorded(
        seconds=seconds,
        drained_s=drained_s,
        cpu_percent=100 * used_s / seconds,
        lag_p99_s=float(np.percentile(lags, 99)),
        bytes=size,
    )


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
