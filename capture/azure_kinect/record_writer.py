"""Writes Azure Kinect .mkv files with the maker's own libk4arecord, without a device.

For comparison with our own writer: `capture.matroska_writer` needs no library and is what exports use. The library has
no way to hand over its log, so that an error names the call alone; what it is asked is checked before.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import UInt16

from capture.azure_kinect.description import sdk_configuration
from capture.azure_kinect.finding import LibraryUnavailable
from capture.azure_kinect.library import K4aLibrary, Signature, open_shared
from capture.azure_kinect.settings import KinectSettings
from capture.azure_kinect.structures import DEPTH16, IR16, MJPG, DeviceConfiguration, Handle, ImuSampleC
from capture.errors import CaptureError
from geometry.camera_files.azure_kinect_modes import COLOR_MODES, DEPTH_MODES

RECORD_FUNCTIONS: dict[str, Signature] = {
    "k4a_record_create": (c_int, (c_char_p, Handle, DeviceConfiguration, POINTER(Handle))),
    "k4a_record_add_tag": (c_int, (Handle, c_char_p, c_char_p)),
    "k4a_record_add_attachment": (c_int, (Handle, c_char_p, c_char_p, c_size_t)),
    "k4a_record_add_imu_track": (c_int, (Handle,)),
    "k4a_record_write_header": (c_int, (Handle,)),
    "k4a_record_write_capture": (c_int, (Handle, Handle)),
    "k4a_record_write_imu_sample": (c_int, (Handle, ImuSampleC)),
    "k4a_record_flush": (c_int, (Handle,)),
    "k4a_record_close": (None, (Handle,)),
}
IMAGE_FUNCTIONS: dict[str, Signature] = {
    "k4a_capture_create": (c_int, (POINTER(Handle),)),
    "k4a_capture_release": (None, (Handle,)),
    "k4a_capture_set_color_image": (None, (Handle, Handle)),
    "k4a_capture_set_depth_image": (None, (Handle, Handle)),
    "k4a_capture_set_ir_image": (None, (Handle, Handle)),
    "k4a_image_create_from_buffer": (
        c_int,
        (c_int, c_int, c_int, c_int, c_void_p, c_size_t, c_void_p, c_void_p, POINTER(Handle)),
    ),
    "k4a_image_set_device_timestamp_usec": (None, (Handle, c_uint64)),
    "k4a_image_release": (None, (Handle,)),
}


class K4aRecordWriter:
    """One file. Use it as a context manager, or call `close()`."""

    def __init__(
        self,
        path: Path,
        settings: KinectSettings,
        *,
        serial: str,
        calibration: bytes,
        library: K4aLibrary | None = None,
    ) -> None:
        """Creates the file with its tags, calibration and tracks.

        Raises LibraryUnavailable without libk4arecord, CaptureError when the file exists or cannot be written.
        """
        self.path, self._settings = Path(path), settings
        library = library or K4aLibrary.load()
        if library.files.record is None:
            raise LibraryUnavailable(
                f"there is no libk4arecord beside {library.files.k4a}; install pyk4a-bundle==1.5.0 again"
            )
        self._k4a = open_shared(library.files.k4a, IMAGE_FUNCTIONS)
        self._record = open_shared(library.files.record, RECORD_FUNCTIONS)
        self._c = ctypes.CDLL(None)
        self._c.malloc.restype, self._c.malloc.argtypes = c_void_p, [c_size_t]
        if self.path.exists():
            raise CaptureError(f"{self.path} exists; choose another name, a recording is never overwritten")
        self._handle = Handle()
        self._need(
            "be created",
            self._record.k4a_record_create,
            str(self.path).encode(),
            None,
            sdk_configuration(settings),
            byref(self._handle),
        )
        handle, record = self._handle, self._record
        self._need(
            "take a calibration",
            record.k4a_record_add_attachment,
            handle,
            b"calibration.json",
            calibration,
            len(calibration),
        )
        for tag, value in (("K4A_CALIBRATION_FILE", "calibration.json"), ("K4A_DEVICE_SERIAL_NUMBER", serial)):
            self._need(f"take the tag {tag}", record.k4a_record_add_tag, handle, tag.encode(), value.encode())
        if settings.imu:
            self._need("take an IMU track", record.k4a_record_add_imu_track, handle)
        self._need("take its header", record.k4a_record_write_header, handle)

    def write(
        self,
        *,
        color: tuple[int, bytes] | None = None,
        depth: tuple[int, UInt16[np.ndarray, "height width"]] | None = None,
        ir: tuple[int, UInt16[np.ndarray, "height width"]] | None = None,
    ) -> None:
        """The images of one capture, each with its device time in us. Raises CaptureError when it is refused.

        The library refuses times more than about 2 s before the latest.
        """
        capture = Handle()
        self._need("take a capture", self._k4a.k4a_capture_create, byref(capture))
        try:
            if color is not None:
                mode = COLOR_MODES[self._settings.color_resolution]
                image = self._image(MJPG, mode.width, mode.height, 0, *color)
                self._hand_over(self._k4a.k4a_capture_set_color_image, capture, image)
            sixteen = ((depth, DEPTH16, "depth"), (ir, IR16, "ir"))
            for given, code, kind in sixteen:
                if given is None:
                    continue
                time_us, pixels = given
                mode = DEPTH_MODES[self._settings.depth_mode]
                if pixels.shape != (mode.height, mode.width):
                    raise CaptureError(f"{self.path}: a {kind} image of {pixels.shape}, not {mode.height}x{mode.width}")
                image = self._image(code, mode.width, mode.height, 2 * mode.width, time_us, pixels.tobytes())
                self._hand_over(getattr(self._k4a, f"k4a_capture_set_{kind}_image"), capture, image)
            self._need("take these images", self._record.k4a_record_write_capture, self._handle, capture)
        finally:
            self._k4a.k4a_capture_release(capture)

    def write_imu(self, acc_us: int, acc_mss: tuple[float, ...], gyro_us: int, gyro_rads: tuple[float, ...]) -> None:
        """One inertial sample: device us, m/s² and rad/s. Raises CaptureError when it is refused."""
        vector = ctypes.c_float * 3
        sample = ImuSampleC(0.0, vector(*acc_mss), acc_us, vector(*gyro_rads), gyro_us)
        self._need("take this IMU sample", self._record.k4a_record_write_imu_sample, self._handle, sample)

    def flush(self) -> None:
        """Writes what waits in memory; what comes after and is not flushed is lost when the program is killed."""
        self._need("be flushed", self._record.k4a_record_flush, self._handle)

    def close(self) -> None:
        """Writes the index and closes the file. May be called twice."""
        if self._handle:
            self._record.k4a_record_close(self._handle)
            self._handle = Handle()

    def _image(self, code: int, width: int, height: int, stride: int, time_us: int, data: bytes) -> Handle:
        """An image with a copy of the bytes, which the library frees when it has written them."""
        memory = self._c.malloc(len(data))
        ctypes.memmove(memory, data, len(data))
        image = Handle()
        free = ctypes.cast(self._c.free, c_void_p)
        self._need(
            "take an image",
            self._k4a.k4a_image_create_from_buffer,
            code,
            width,
            height,
            stride,
            memory,
            len(data),
            free,
            None,
            byref(image),
        )
        self._k4a.k4a_image_set_device_timestamp_usec(image, time_us)
        return image

    def _hand_over(self, setter: Callable[..., None], capture: Handle, image: Handle) -> None:
        setter(capture, image)
        self._k4a.k4a_image_release(image)

    def _need(self, what: str, function: Callable[..., int], *arguments: Any) -> None:
        if function(*arguments):
            raise CaptureError(
                f"{self.path} could not {what}: libk4arecord refused it; check the folder, the disk and the times"
            )

    def __enter__(self) -> K4aRecordWriter:
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self.close()
