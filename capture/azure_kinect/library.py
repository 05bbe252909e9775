"""The Azure Kinect SDK's C library, loaded through ctypes, with its log kept off the terminal."""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
from collections.abc import Callable, Mapping
from ctypes import POINTER, byref, c_bool, c_char_p, c_float, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from capture.azure_kinect.finding import LibraryFiles, LibraryUnavailable, find_library, load_failure
from capture.azure_kinect.messages import MessageLog, reason_of
from capture.azure_kinect.structures import (
    LOG_WARNING,
    DeviceConfiguration,
    Handle,
    HardwareVersion,
    ImuSampleC,
    MessageCallback,
)
from capture.device import DeviceError
from geometry.libusb_loading import provide_libusb

QUIET = "K4A_ENABLE_LOG_TO_STDOUT"
"""Unless this is 0 when the SDK logs for the first time, it prints its log on the user's terminal."""

Signature = tuple[Any, tuple[Any, ...]]

DEVICE_FUNCTIONS: Mapping[str, Signature] = {
    "k4a_set_debug_message_handler": (c_int, (MessageCallback, c_void_p, c_int)),
    "k4a_device_get_installed_count": (c_uint32, ()),
    "k4a_device_open": (c_int, (c_uint32, POINTER(Handle))),
    "k4a_device_close": (None, (Handle,)),
    "k4a_device_get_serialnum": (c_int, (Handle, c_char_p, POINTER(c_size_t))),
    "k4a_device_get_version": (c_int, (Handle, POINTER(HardwareVersion))),
    "k4a_device_get_raw_calibration": (c_int, (Handle, c_char_p, POINTER(c_size_t))),
    "k4a_device_get_sync_jack": (c_int, (Handle, POINTER(c_bool), POINTER(c_bool))),
    "k4a_device_get_color_control": (c_int, (Handle, c_int, POINTER(c_int), POINTER(c_int32))),
    "k4a_device_set_color_control": (c_int, (Handle, c_int, c_int, c_int32)),
    "k4a_device_start_cameras": (c_int, (Handle, POINTER(DeviceConfiguration))),
    "k4a_device_stop_cameras": (None, (Handle,)),
    "k4a_device_start_imu": (c_int, (Handle,)),
    "k4a_device_stop_imu": (None, (Handle,)),
    "k4a_device_get_capture": (c_int, (Handle, POINTER(Handle), c_int32)),
    "k4a_device_get_imu_sample": (c_int, (Handle, POINTER(ImuSampleC), c_int32)),
    "k4a_capture_release": (None, (Handle,)),
    "k4a_capture_get_color_image": (c_void_p, (Handle,)),
    "k4a_capture_get_depth_image": (c_void_p, (Handle,)),
    "k4a_capture_get_ir_image": (c_void_p, (Handle,)),
    "k4a_capture_get_temperature_c": (c_float, (Handle,)),
    "k4a_image_release": (None, (Handle,)),
    "k4a_image_get_buffer": (c_void_p, (Handle,)),
    "k4a_image_get_size": (c_size_t, (Handle,)),
    "k4a_image_get_width_pixels": (c_int, (Handle,)),
    "k4a_image_get_height_pixels": (c_int, (Handle,)),
    "k4a_image_get_stride_bytes": (c_int, (Handle,)),
    "k4a_image_get_device_timestamp_usec": (c_uint64, (Handle,)),
    "k4a_image_get_system_timestamp_nsec": (c_uint64, (Handle,)),
    "k4a_image_get_exposure_usec": (c_uint64, (Handle,)),
}

_loaded: dict[Path, K4aLibrary] = {}
_loading = threading.Lock()


class K4aLibrary:
    """The loaded library. One for each file and process: the SDK has one log for all of them.

    `c` has its functions; `checked` calls one that returns `k4a_result_t` and raises with the SDK's reason.
    """

    def __init__(self, files: LibraryFiles) -> None:
        """Loads it; use `load`. Raises LibraryUnavailable."""
        os.environ.setdefault(QUIET, "0")
        self.files = files
        self.c = open_shared(files.k4a, DEVICE_FUNCTIONS)
        self.log = MessageLog()
        self.opening = threading.Lock()
        """Held while devices are opened to be asked for their serial numbers."""
        self.places: dict[str, int] = {}
        """Where in the SDK's list each serial number was seen last: asking a device takes seconds."""
        self.running_masters: set[str] = set()
        """Names of devices that drive a synchronisation cable now."""
        self._callback = MessageCallback(self._hear)
        self.c.k4a_set_debug_message_handler(self._callback, None, LOG_WARNING)
        atexit.register(self._silence)

    @classmethod
    def load(cls, path: Path | str | None = None) -> K4aLibrary:
        """The library at `path`, or the installed one (`find_library`). Raises LibraryUnavailable."""
        files = find_library(path)
        with _loading:
            key = files.k4a.resolve()
            if key not in _loaded:
                _loaded[key] = cls(files)
            return _loaded[key]

    def checked(self, what: str, function: Callable[..., int], *arguments: Any) -> None:
        """Calls a C function. Raises DeviceError, `what` and the SDK's reason, when it does not succeed."""
        with self.log.collecting() as messages:
            result = function(*arguments)
        if result:
            raise DeviceError(f"{what}: {reason_of(messages)}")

    def text(self, what: str, function: Callable[..., int], handle: Handle) -> bytes:
        """What a C function writes into a buffer of a size that it tells. Raises DeviceError with the reason."""
        size = c_size_t(0)
        with self.log.collecting() as messages:
            function(handle, None, byref(size))
            buffer = ctypes.create_string_buffer(max(1, size.value))
            result = function(handle, buffer, byref(size)) if size.value else 1
        if result:
            raise DeviceError(f"{what}: {reason_of(messages)}")
        return buffer.raw[: size.value].rstrip(b"\0")

    def _hear(self, _context: int | None, level: int, _file: bytes | None, _line: int, message: bytes | None) -> None:
        self.log.add(level, (message or b"").decode("utf-8", "replace"))

    def _silence(self) -> None:
        """The SDK's threads must not call into an interpreter that ends."""
        self.c.k4a_set_debug_message_handler(MessageCallback(), None, LOG_WARNING)


def open_shared(file: Path, functions: Mapping[str, Signature]) -> ctypes.CDLL:
    """The library with its functions' types set. Raises LibraryUnavailable when it cannot be loaded or lacks one."""
    provide_libusb()
    try:
        library = ctypes.CDLL(str(file))
    except OSError as error:
        raise load_failure(file, error) from None
    for name, (result, arguments) in functions.items():
        function = getattr(library, name, None)
        if function is None:
            raise LibraryUnavailable(f"{file} has no function {name}; it is not libk4a of version 1.4, install that")
        function.restype, function.argtypes = result, list(arguments)
    return library
