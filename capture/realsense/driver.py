"""A RealSense unit that is attached, as a device: depth and colour with the times of its own clock."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from capture.device import Device, DeviceDescription, DeviceError
from capture.errors import CaptureError
from capture.realsense.frames import FrameEncoder
from capture.realsense.sdk import load_sdk
from capture.realsense.settings import RealSenseSettings
from capture.realsense.unit import UnitStream, apply_settings, choose_streams, depth_unit_m, describe, find_unit

SDK_QUEUE = 16
"""Frames of a sensor that wait in the SDK for our thread: half a second at 30 Hz. What does not fit shows as a gap."""
POLL_MS = 200
UNPLUGGED = "the unit was unplugged or reset itself; check its cable and start it again"


class RealSenseDriver(Device):
    """One unit.

    Each sensor has a thread that takes frames from the SDK's queue, compresses them and hands them on. Host time is
    the monotonic clock when our thread gets the frame. The unit's clock is free, also of units on a cable: it triggers,
    but shares no clock, so that the description names a clock of its own.
    """

    def __init__(
        self, name: str, settings: RealSenseSettings, *, context: Any = None, queue_bytes: int | None = None
    ) -> None:
        """`context`: the SDK's, of units that are attached; made when the device is opened unless given."""
        super().__init__(name, queue_bytes=queue_bytes)
        self.settings = settings
        self._given_context = context
        self._context: Any = None
        self._unit: Any = None
        self._streams: list[UnitStream] = []
        self._threads: list[threading.Thread] = []
        self._quit = threading.Event()
        self._lost = False
        self._notice = ""

    def _open(self) -> DeviceDescription:
        rs = load_sdk()
        try:
            self._context = rs.context() if self._given_context is None else self._given_context
            self._unit = find_unit(self._context, self.name, self.settings.serial)
            self._streams = choose_streams(self._unit, self.name, self.settings)
            remarks = apply_settings(self._streams, self.name, self.settings)
            self._context.set_devices_changed_callback(self._devices_changed)
            for stream in self._streams:
                with contextlib.suppress(RuntimeError):  # some sensors have none
                    stream.sensor.set_notifications_callback(self._noticed)
            self._lost, self._notice = False, ""
            self._encoder = FrameEncoder(
                self.name, depth_unit_m(self._streams), self.settings.jpeg_quality, lambda frame, device_us: _now_us()
            )
            return describe(
                self._unit,
                self.name,
                self._streams,
                sync=self.settings.sync,
                remarks=remarks,
                jpeg_quality=self.settings.jpeg_quality,
            )
        except RuntimeError as error:
            raise DeviceError(f"{self.name}: the SDK cannot open the unit: {error}; plug it in again") from None

    def _start(self) -> None:
        rs = load_sdk()
        self._quit.clear()
        by_sensor: dict[Any, list[Any]] = {}
        for stream in self._streams:
            by_sensor.setdefault(stream.sensor, []).append(stream.profile)
        started: list[Any] = []
        try:
            for sensor, profiles in by_sensor.items():
                queue = rs.frame_queue(SDK_QUEUE)
                sensor.open(profiles)
                started.append(sensor)
                sensor.start(queue)
                thread = threading.Thread(target=self._pump, args=(queue,), name=f"realsense {self.name}", daemon=True)
                self._threads.append(thread)
                thread.start()
        except RuntimeError as error:
            self._end(started)
            raise DeviceError(
                f"{self.name}: the SDK cannot start the unit: {error}; see that no other program uses it"
            ) from None

    def _stop(self) -> None:
        self._end(list(dict.fromkeys(stream.sensor for stream in self._streams)))

    def _close(self) -> None:
        # The unit is given back when nothing refers to it any more.
        self._unit, self._context, self._streams = None, None, []

    def _end(self, sensors: list[Any]) -> None:
        for sensor in sensors:
            for call in (sensor.stop, sensor.close):
                with contextlib.suppress(RuntimeError):  # it was unplugged, or had not begun
                    call()
        self._quit.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _pump(self, queue: Any) -> None:
        try:
            while not self._quit.is_set():
                arrived, frame = queue.try_wait_for_frame(POLL_MS)
                if not arrived:
                    self._check_connected()
                    continue
                encoded = self._encoder.encode(frame)
                del frame  # back to the SDK's pool before anything waits
                if encoded is not None:
                    self._queue.put(encoded)
        except (RuntimeError, CaptureError) as error:
            self._queue.fail(f"frames cannot be read: {error}")
        except Exception as error:  # the recorder must hear of it, whatever it is
            self._queue.fail(f"frames cannot be read: {type(error).__name__}: {error}")

    def _check_connected(self) -> None:
        """Also where no event tells of it."""
        connected = getattr(self._unit, "is_connected", None)
        if connected is not None and not self._lost and not connected():
            self._lose()

    def _devices_changed(self, event: Any) -> None:
        if self._unit is not None and event.was_removed(self._unit):
            self._lose()

    def _lose(self) -> None:
        self._lost = True
        if self._state == "running":
            self._queue.fail(UNPLUGGED)

    def _noticed(self, notification: Any) -> None:
        self._notice = f"the unit says: {notification.get_description()}"

    def _temperature_c(self) -> float | None:
        streams = self._streams
        if not streams or self._lost:
            return None
        option = load_sdk().option.asic_temperature
        with contextlib.suppress(RuntimeError):  # it does not tell while it begins or ends
            if streams[0].sensor.supports(option):
                return float(streams[0].sensor.get_option(option))
        return None

    def _remark(self) -> str:
        if self._lost:
            return UNPLUGGED
        if self._notice:
            return self._notice
        blind = self._encoder.clock.without_hardware_time if self._state == "running" else set()
        if blind:
            return f"{', '.join(sorted(blind))} without hardware time; the computer's driver hands over no metadata"
        return ""


def _now_us() -> int:
    return time.monotonic_ns() // 1000
