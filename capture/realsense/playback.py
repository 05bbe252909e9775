"""A .db3 or .bag of the SDK's recorder, played as a device."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from capture.device import Device, DeviceDescription, DeviceError
from capture.errors import CaptureError
from capture.realsense.file_check import check_whole
from capture.realsense.frames import FrameEncoder, kind_of
from capture.realsense.sdk import info, load_sdk
from capture.realsense.settings import RealSenseSettings
from capture.realsense.unit import UnitStream, depth_unit_m, describe

QUALITY = RealSenseSettings().jpeg_quality
SETTLE_S = 0.2
"""How long nothing must have come after the reader's end before the recording is over."""


class RealSensePlayback(Device):
    """Plays depth, colour and infrared of a recording, at its own pace or as fast as frames are taken.

    In real time a frame is due as long after the first as it was on the unit's clock; the SDK's own pace is not used,
    because it leaves frames out when the computer is busy. Not in real time, a full queue holds the reader up and no
    frame is lost. Host time is that of arrival now, in real time; else the arrival that was recorded, or device time
    where none was.
    """

    def __init__(self, name: str, path: Path, *, real_time: bool = True, jpeg_quality: int | None = QUALITY) -> None:
        """Nothing is opened yet. `jpeg_quality`: of colour that was recorded as pixels; None keeps it without loss."""
        super().__init__(name)
        self.path, self.real_time = Path(path), real_time
        self._quality = jpeg_quality
        self._unit: Any = None
        self._context: Any = None
        self._streams: list[UnitStream] = []
        self._watcher: threading.Thread | None = None
        self._quit = threading.Event()
        self._busy, self._given, self._lock = 0, 0, threading.Lock()
        self._played = False
        self._first: tuple[int, float] | None = None

    @property
    def without_hardware_time(self) -> tuple[str, ...]:
        """Kinds of streams whose frames so far had a computer's time and not the unit's."""
        return tuple(sorted(self._encoder.clock.without_hardware_time)) if self._state != "closed" else ()

    def _open(self) -> DeviceDescription:
        try:
            check_whole(self.path)
        except CaptureError as error:
            raise DeviceError(str(error)) from None
        rs = load_sdk()
        try:
            left = self._load(rs)
            if not self._streams:
                raise DeviceError(f"{self.path} has no stream of depth, colour or infrared; record it again")
            self._encoder = FrameEncoder(self.name, depth_unit_m(self._streams), self._quality, self._host_us)
            remarks = [f"not read: {', '.join(left)}"] if left else []
            self._played = False
            return describe(self._unit, self.name, self._streams, remarks=remarks, jpeg_quality=self._quality)
        except RuntimeError as error:
            raise DeviceError(f"{self.path} cannot be read by the SDK ({_first_line(error)}); copy it again") from None

    def _start(self) -> None:
        self._quit.clear()
        self._busy = self._given = 0
        self._first = None
        try:
            if self._played:  # a reader that was stopped may go on from where it was, also after a seek
                self._load(load_sdk())
            self._played = True
            self._unit.set_real_time(False)
            by_sensor: dict[Any, list[Any]] = {}
            for stream in self._streams:
                by_sensor.setdefault(stream.sensor, []).append(stream.profile)
            for sensor, profiles in by_sensor.items():
                sensor.open(profiles)
            self._unit.pause()  # else the first sensor's start begins to read, and the others miss frames
            for sensor in by_sensor:
                sensor.start(self._arrived)
            self._unit.resume()
        except RuntimeError as error:
            raise DeviceError(f"{self.path} cannot be played ({_first_line(error)}); copy it again") from None
        self._watcher = threading.Thread(target=self._watch, name=f"realsense {self.name}", daemon=True)
        self._watcher.start()

    def _stop(self) -> None:
        self._quit.set()
        self._queue.end()  # frees a reader that waits for room
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        for sensor in dict.fromkeys(stream.sensor for stream in self._streams):
            for call in (sensor.stop, sensor.close):
                with contextlib.suppress(RuntimeError):
                    call()

    def _close(self) -> None:
        self._streams, self._unit, self._context = [], None, None

    def _load(self, rs: Any) -> list[str]:
        """Opens the file with a reader of its own; returns the streams that are not read."""
        self._context = rs.context()
        self._unit = self._context.load_device(str(self.path))
        self._streams, left = _streams_of(self._unit)
        return left

    def _arrived(self, frame: Any) -> None:
        """Called by the SDK's threads, one for each sensor."""
        with self._lock:
            self._busy += 1
        try:
            encoded = self._encoder.encode(frame)
            if encoded is not None and self.real_time:
                self._wait_until_due(encoded.device_us)
                encoded = replace(encoded, host_us=time.monotonic_ns() // 1000)
            if encoded is not None:
                self._queue.put(encoded, wait=not self.real_time)
        except (RuntimeError, CaptureError) as error:
            self._queue.fail(f"{self.path}: a frame cannot be read: {error}")
        except Exception as error:  # an exception must not reach the SDK's thread; the recorder must hear of it
            self._queue.fail(f"{self.path}: a frame cannot be read: {type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._busy -= 1
                self._given += 1

    def _wait_until_due(self, device_us: int) -> None:
        with self._lock:
            if self._first is None:
                self._first = device_us, time.monotonic()
            first_us, began_s = self._first
        self._quit.wait(max(0.0, began_s + 1e-6 * (device_us - first_us) - time.monotonic()))

    def _watch(self) -> None:
        """Ends delivery once the reader has ended and its last frames have arrived."""
        stopped = load_sdk().playback_status.stopped
        quiet_since, given = time.monotonic(), -1
        while not self._quit.wait(0.02):
            with self._lock:
                now_given, busy = self._given, self._busy
            if now_given != given or busy or self._unit.current_status() != stopped:
                quiet_since, given = time.monotonic(), now_given
            elif time.monotonic() - quiet_since > SETTLE_S:
                self._queue.end()
                return

    def _host_us(self, frame: Any, device_us: int) -> int:
        key = load_sdk().frame_metadata_value.time_of_arrival
        return 1000 * int(frame.get_frame_metadata(key)) if frame.supports_frame_metadata(key) else device_us


def _streams_of(unit: Any) -> tuple[list[UnitStream], list[str]]:
    """Streams that are read, in the order depth, colour, infrared, and the names of those that are not."""
    found: dict[str, UnitStream] = {}
    left: list[str] = []
    for sensor in unit.query_sensors():
        for profile in sensor.get_stream_profiles():
            kind = kind_of(profile)
            if kind is None or kind in found:
                left.append(f"{profile.stream_name()} of {info(sensor, 'name')}")
            else:
                found[kind] = UnitStream(kind=kind, profile=profile.as_video_stream_profile(), sensor=sensor)
    return [found[kind] for kind in ("depth", "color", "ir") if kind in found], left


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
