"""The live Azure Kinect: a device of the rig."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace

import numpy as np

from capture import depth_codec
from capture.azure_kinect.description import describe, sdk_configuration
from capture.azure_kinect.exposure import exposure_step_us
from capture.azure_kinect.frame_coding import BadImage, encode_image, encode_imu
from capture.azure_kinect.library import K4aLibrary
from capture.azure_kinect.sequence import FrameCounter
from capture.azure_kinect.settings import KinectSettings
from capture.azure_kinect.structures import EXPOSURE, POWER_LINE, POWER_LINE_VALUES, WHITE_BALANCE
from capture.azure_kinect.unit import KinectCapture, KinectImage, KinectUnit, open_unit
from capture.device import Device, DeviceDescription, DeviceError, DeviceHealth, DeviceLost
from capture.device_frames import EncodedFrame

WAIT_MS = 200
BAD_IMAGES_IN_A_ROW = 30
"""A second of images of a wrong size in one stream, and the device is given up: it needs to be opened again."""
EXPOSURE_TOLERANCE_US = 100
"""The camera keeps exposure in units of 100 us (`uvc_camerareader.cpp`)."""
CREDIBLE_ARRIVAL_S = 10.0
IMU_ALONE_S = 1.0
"""Inertial samples are delivered for so long after an image: five frames at 5 Hz."""


class KinectDriver(Device):
    """One Azure Kinect through the SDK's C library.

    Open claims the device with the serial number of its settings; start sets exposure, white balance and power-line
    frequency, checks the synchronisation cable and starts the cameras, then the IMU. Two threads read images and
    inertial samples. Colour is recorded as the device compressed it, depth and infrared as dzp. Inertial samples are
    delivered while images come: before the first image their clock is not yet reset, and a device that gives nothing
    else is stalled.
    """

    def __init__(self, name: str, settings: KinectSettings, *, library: K4aLibrary | None = None) -> None:
        """`library`: another one than the installed SDK. Nothing is loaded before `open`."""
        super().__init__(name)
        self.settings = settings
        self._library = library
        self._unit: KinectUnit | None = None
        self._threads: list[threading.Thread] = []
        self._quit = threading.Event()
        self._reset()

    @property
    def exposure_us(self) -> int | None:
        """The exposure of the latest colour image, as the device tells it; None before the first."""
        return self._exposure_us

    def health(self) -> DeviceHealth:
        """How the device is doing."""
        health = super().health()
        if health.stalled and self._image_at_s is None and self.settings.sync == "subordinate":
            waits = "it waits for the pulse of its master; start the master, or check the cable"
            return replace(health, message=f"{health.message}: {waits}")
        return health

    def _open(self) -> DeviceDescription:
        depth_codec.encode(np.zeros((2, 2), np.uint16))  # compiled before the first frame
        library = self._library or K4aLibrary.load()
        self._unit = open_unit(library, self.name, self.settings.serial)
        try:
            return describe(self._unit, self.settings)
        except BaseException:
            self._close()
            raise

    def _start(self) -> None:
        unit = self._claimed()
        assert self._description is not None
        self._sizes = {s.kind: (s.width, s.height) for s in self._description.streams if s.width and s.height}
        self._reset()
        self._check_cable(unit)
        self._set_controls(unit)
        if self.settings.sync == "subordinate" and unit.library.running_masters:
            master = ", ".join(sorted(unit.library.running_masters))
            self._remarks["order"] = f"was started after its master {master}: its clock began at another pulse"
        unit.start_cameras(sdk_configuration(self.settings))
        if self.settings.sync == "master":
            unit.library.running_masters.add(self.name)
        work = [("images", self._read_images)]
        if self.settings.imu:
            try:
                unit.start_imu()
            except DeviceError:
                self._stop_cameras(unit)
                raise
            work.append(("imu", self._read_imu))
        self._quit.clear()
        self._threads = [threading.Thread(target=f, name=f"{self.name} {what}", daemon=True) for what, f in work]
        for thread in self._threads:
            thread.start()

    def _stop(self) -> None:
        self._quit.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        unit = self._claimed()
        if self.settings.imu:
            unit.stop_imu()
        self._stop_cameras(unit)

    def _close(self) -> None:
        if self._unit is not None:
            self._unit.close()
            self._unit = None

    def _temperature_c(self) -> float | None:
        return self._temperature

    def _remark(self) -> str:
        remarks = list(self._remarks.values())
        if self._state == "running" and self._unit is not None and (said := self._unit.complaints):
            remarks.append(f"the SDK says of one of its devices: {said}")
        return "; ".join(remarks)

    def _reset(self) -> None:
        self._counters = {kind: FrameCounter(self.settings.period_us) for kind in ("color", "depth", "ir")}
        self._bad: Counter[str] = Counter()
        self._bad_in_a_row: Counter[str] = Counter()
        self._remarks: dict[str, str] = {}
        self._image_at_s: float | None = None
        self._temperature: float | None = None
        self._exposure_us: int | None = None

    def _claimed(self) -> KinectUnit:
        if self._unit is None:
            raise DeviceLost(f"{self.name}: the device is not open; call open() first")
        return self._unit

    def _stop_cameras(self, unit: KinectUnit) -> None:
        unit.library.running_masters.discard(self.name)
        unit.stop_cameras()

    def _check_cable(self, unit: KinectUnit) -> None:
        """The SDK refuses a missing cable too, in its own words."""
        sync = self.settings.sync
        if sync == "standalone":
            return
        plugged_in, plugged_out = unit.sync_jacks
        plugged, socket = (plugged_out, "Sync out") if sync == "master" else (plugged_in, "Sync in")
        if not plugged:
            raise DeviceError(
                f"{self.name} is the {sync}, but no cable is in its socket '{socket}'; plug it in, or correct sync"
            )

    def _set_controls(self, unit: KinectUnit) -> None:
        """Power line first: the steps of exposure depend on it."""
        s = self.settings
        if not s.has_color:
            return
        unit.set_control("power_line_hz", POWER_LINE, POWER_LINE_VALUES[s.power_line_hz])
        exposure = unit.set_control("exposure_us", EXPOSURE, s.exposure_us)
        unit.set_control("white_balance_k", WHITE_BALANCE, s.white_balance_k)
        if s.exposure_us is not None:
            wanted = exposure_step_us(s.exposure_us, s.power_line_hz)
            if abs(exposure - wanted) > EXPOSURE_TOLERANCE_US:
                self._remarks["exposure"] = f"exposes for {exposure} us, {wanted} us was expected"

    def _read_images(self) -> None:
        unit = self._claimed()
        try:
            while not self._quit.is_set():
                capture = unit.next_capture(WAIT_MS)
                if capture is not None:
                    self._deliver(capture)
        except DeviceLost as error:
            self._fail(str(error))
        except Exception as error:  # the recorder must hear of anything that ends this thread
            self._fail(f"{type(error).__name__}: {error}")

    def _read_imu(self) -> None:
        unit, count = self._claimed(), 0
        try:
            while not self._quit.is_set():
                sample = unit.next_imu(WAIT_MS)
                if sample is None:
                    continue
                now_s = time.monotonic()
                if self._image_at_s is not None and now_s - self._image_at_s < IMU_ALONE_S:
                    self._put("imu", count, sample.acc_timestamp_usec, round(1e6 * now_s), encode_imu(sample))
                count += 1
        except DeviceLost as error:  # images may go on; a device that is gone ends them as well
            self._remarks["imu"] = str(error).removeprefix(f"{self.name} ")

    def _deliver(self, capture: KinectCapture) -> None:
        arrived_s = time.monotonic()
        self._temperature = capture.temperature_c
        for image in capture.images:
            if image.kind not in self._sizes:
                continue
            number = self._counters[image.kind].number(image.device_us)
            if self._counters[image.kind].jumps_back:
                self._remarks["clock"] = "its clock jumped back: it lost the synchronisation pulse or was reset"
            try:
                data = encode_image(image, *self._sizes[image.kind])
            except BadImage as error:
                self._refuse(image, str(error))
                continue
            self._bad_in_a_row[image.kind] = 0
            self._image_at_s = arrived_s
            if image.kind == "color" and image.exposure_us:
                self._exposure_us = image.exposure_us
            self._put(image.kind, number, image.device_us, _arrival_us(image, arrived_s), data)

    def _refuse(self, image: KinectImage, problem: str) -> None:
        """The image is left out: its number is a gap in the stream, and health says why."""
        self._bad[image.kind] += 1
        self._bad_in_a_row[image.kind] += 1
        self._remarks[image.kind] = f"{self._bad[image.kind]} bad {image.kind} images left out, the last: {problem}"
        if self._bad_in_a_row[image.kind] >= BAD_IMAGES_IN_A_ROW:
            raise DeviceLost(f"{self.name} gave {BAD_IMAGES_IN_A_ROW} bad images in a row: {problem}; open it again")

    def _put(self, kind: str, sequence: int, device_us: int, host_us: int, data: bytes) -> None:
        self._queue.put(
            EncodedFrame(
                stream=f"{self.name}/{kind}", sequence=sequence, device_us=device_us, host_us=host_us, data=data
            )
        )

    def _fail(self, reason: str) -> None:
        if not self._quit.is_set():
            self._queue.fail(reason.removeprefix(f"{self.name} "))


def _arrival_us(image: KinectImage, arrived_s: float) -> int:
    """The SDK's arrival time (CLOCK_MONOTONIC, as ours), or ours where it gives none that can be."""
    told_s = image.system_ns * 1e-9
    return image.system_ns // 1000 if abs(told_s - arrived_s) < CREDIBLE_ARRIVAL_S else round(1e6 * arrived_s)
