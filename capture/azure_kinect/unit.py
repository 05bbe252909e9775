"""One opened Azure Kinect: the C interface as Python methods that raise DeviceError with the SDK's reason."""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Iterator
from ctypes import byref, c_bool, c_int, c_int32, c_uint32
from dataclasses import dataclass
from typing import Literal

from capture.azure_kinect.firmware import Firmware
from capture.azure_kinect.library import K4aLibrary
from capture.azure_kinect.messages import reason_of
from capture.azure_kinect.structures import (
    AUTO,
    MANUAL,
    WAIT_SUCCEEDED,
    WAIT_TIMEOUT,
    DeviceConfiguration,
    Handle,
    HardwareVersion,
    ImuSampleC,
)
from capture.device import DeviceError, DeviceLost

ImageKind = Literal["color", "depth", "ir"]
LAST_MESSAGES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class KinectImage:
    """One image as the SDK gave it."""

    kind: ImageKind
    data: bytes
    width: int
    height: int
    stride: int
    """Bytes of a row; 0 for JPEG."""
    device_us: int
    system_ns: int
    """Host's monotonic clock at arrival, by the SDK; 0 where it did not say."""
    exposure_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class KinectCapture:
    """The images that the SDK delivered together."""

    images: tuple[KinectImage, ...]
    temperature_c: float | None


class KinectUnit:
    """A claimed device. `next_capture` and `next_imu` may run on a thread each; the rest on one."""

    def __init__(self, library: K4aLibrary, name: str, index: int) -> None:
        """Claims the device at a place in the SDK's list. Raises DeviceError."""
        self.library, self.name = library, name
        self._c = library.c
        self._handle = Handle()
        self._started_s = 0.0
        library.checked(f"{name} cannot be opened", self._c.k4a_device_open, c_uint32(index), byref(self._handle))

    @property
    def serial(self) -> str:
        """Serial number."""
        what = f"{self.name} does not tell its serial number"
        return self.library.text(what, self._c.k4a_device_get_serialnum, self._handle).decode("ascii", "replace")

    @property
    def firmware(self) -> Firmware:
        """Versions of its firmware."""
        version = HardwareVersion()
        self._checked("does not tell its firmware", self._c.k4a_device_get_version, byref(version))
        return Firmware.of(version)

    @property
    def raw_calibration(self) -> bytes:
        """The factory calibration, JSON as the maker wrote it."""
        what = f"{self.name} does not tell its factory calibration"
        return self.library.text(what, self._c.k4a_device_get_raw_calibration, self._handle)

    @property
    def sync_jacks(self) -> tuple[bool, bool]:
        """Whether a cable is in `Sync in` and in `Sync out`."""
        jack_in, jack_out = c_bool(), c_bool()
        self._checked(
            "does not tell its sync sockets", self._c.k4a_device_get_sync_jack, byref(jack_in), byref(jack_out)
        )
        return jack_in.value, jack_out.value

    @property
    def complaints(self) -> str:
        """Errors that the SDK's own threads had to tell within the last seconds, of any device; empty: none."""
        said = [m for m in self.library.log.recent(self._started_s) if m.level in ("critical", "error")]
        return reason_of(said[-LAST_MESSAGES:]) if said else ""

    def set_control(self, what: str, command: int, value: int | None) -> int:
        """Sets a control of the colour camera, None: automatic; the value that it then has."""
        mode = AUTO if value is None else MANUAL
        self._checked(
            f"refuses {what} {value}", self._c.k4a_device_set_color_control, command, mode, c_int32(value or 0)
        )
        mode_now, value_now = c_int(), c_int32()
        self._checked(
            f"does not tell its {what}",
            self._c.k4a_device_get_color_control,
            command,
            byref(mode_now),
            byref(value_now),
        )
        return value_now.value

    def start_cameras(self, configuration: DeviceConfiguration) -> None:
        """Begins to take images; a subordinate begins at its master's first pulse."""
        self._started_s = time.monotonic()
        self._checked("does not start", self._c.k4a_device_start_cameras, byref(configuration))

    def stop_cameras(self) -> None:
        """Ends them; returns when the SDK has no image left."""
        self._c.k4a_device_stop_cameras(self._handle)

    def start_imu(self) -> None:
        """Begins to take inertial samples; only while the cameras run."""
        self._checked("does not start its IMU", self._c.k4a_device_start_imu)

    def stop_imu(self) -> None:
        """Ends them."""
        self._c.k4a_device_stop_imu(self._handle)

    def next_capture(self, timeout_ms: int) -> KinectCapture | None:
        """The next images, copied; None within the timeout. Raises DeviceLost when the device went away."""
        capture = Handle()
        self._wait("gives no more images", self._c.k4a_device_get_capture, byref(capture), timeout_ms)
        if not capture:
            return None
        try:
            temperature = float(self._c.k4a_capture_get_temperature_c(capture))
            return KinectCapture(
                images=tuple(self._images(capture)), temperature_c=temperature if math.isfinite(temperature) else None
            )
        finally:
            self._c.k4a_capture_release(capture)

    def next_imu(self, timeout_ms: int) -> ImuSampleC | None:
        """The next inertial sample; None within the timeout. Raises DeviceLost."""
        sample = ImuSampleC()
        waited = self._wait("gives no more IMU samples", self._c.k4a_device_get_imu_sample, byref(sample), timeout_ms)
        return sample if waited else None

    def close(self) -> None:
        """Gives the device back. May be called twice."""
        if self._handle:
            self._c.k4a_device_close(self._handle)
            self._handle = Handle()

    def _images(self, capture: Handle) -> Iterator[KinectImage]:
        getters: tuple[tuple[ImageKind, str], ...] = (
            ("color", "k4a_capture_get_color_image"),
            ("depth", "k4a_capture_get_depth_image"),
            ("ir", "k4a_capture_get_ir_image"),
        )
        for kind, getter in getters:
            image = getattr(self._c, getter)(capture)
            if not image:
                continue
            try:
                yield self._image(kind, image)
            finally:
                self._c.k4a_image_release(image)

    def _image(self, kind: ImageKind, image: int) -> KinectImage:
        c = self._c
        buffer, size = c.k4a_image_get_buffer(image), c.k4a_image_get_size(image)
        return KinectImage(
            kind=kind,
            data=ctypes.string_at(buffer, size) if buffer else b"",
            width=c.k4a_image_get_width_pixels(image),
            height=c.k4a_image_get_height_pixels(image),
            stride=c.k4a_image_get_stride_bytes(image),
            device_us=c.k4a_image_get_device_timestamp_usec(image),
            system_ns=c.k4a_image_get_system_timestamp_nsec(image),
            exposure_us=c.k4a_image_get_exposure_usec(image),
        )

    def _checked(self, what: str, function, *arguments) -> None:
        self.library.checked(f"{self.name} {what}", function, self._handle, *arguments)

    def _wait(self, what: str, function, target, timeout_ms: int) -> bool:
        with self.library.log.collecting() as messages:
            result = function(self._handle, target, timeout_ms)
        if result in (WAIT_SUCCEEDED, WAIT_TIMEOUT):
            return result == WAIT_SUCCEEDED
        raise DeviceLost(
            f"{self.name} {what}: {reason_of([*self.library.log.recent(self._started_s)[-LAST_MESSAGES:], *messages])}"
        )


def attached_count(library: K4aLibrary) -> int:
    """How many Azure Kinects the SDK sees."""
    with library.log.collecting():
        return library.c.k4a_device_get_installed_count()


def open_unit(library: K4aLibrary, name: str, serial: str) -> KinectUnit:
    """Claims the device with a serial number; empty: the only one attached. Raises DeviceError."""
    with library.opening:
        count = attached_count(library)
        if count == 0:
            raise DeviceError(f"{name}: no Azure Kinect is attached; plug it in at USB 3 and give it its own power")
        if not serial and count > 1:
            raise DeviceError(
                f"{name}: {count} Azure Kinects are attached and no serial is set; humanrig devices lists them"
            )
        others, refused = [], []
        for index in _likely_first(library, serial, count):
            try:
                unit = KinectUnit(library, name, index)
            except DeviceError as error:
                refused.append(str(error))
                continue
            try:
                found = unit.serial
            except DeviceError as error:
                unit.close()
                refused.append(str(error))
                continue
            library.places[found] = index
            if serial in ("", found):
                return unit
            others.append(found)
            unit.close()
    if not serial:
        raise DeviceError(refused[0])
    seen = f"attached: {', '.join(others)}" if others else "none could be asked"
    reason = f"; {len(refused)} could not be opened ({refused[0]})" if refused else ""
    raise DeviceError(
        f"{name}: no Azure Kinect with serial '{serial}' ({seen}{reason}); check its cable and power, or correct serial"
    )


def _likely_first(library: K4aLibrary, serial: str, count: int) -> list[int]:
    """The places to look at: where it was last, then those never asked, then those where another device was."""
    others = {place for known, place in library.places.items() if known != serial}
    last = library.places.get(serial)
    return sorted(range(count), key=lambda index: (index != last, index in others, index))
