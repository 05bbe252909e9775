"""Frames of the SDK as they are recorded: depth in millimetres as dzp, colour as JPEG or PNG, times of the unit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import simplejpeg
from jaxtyping import UInt16

from capture import depth_codec
from capture.device import DeviceError
from capture.device_frames import EncodedFrame
from capture.realsense.sdk import load_sdk

KINDS = {"depth": "depth", "color": "color", "infrared": "ir"}
"""Streams of the SDK that are recorded, and our kind."""
FORMATS = {
    "depth": ("z16",),
    "color": ("mjpeg", "rgb8", "bgr8", "yuyv"),
    "ir": ("y8", "y16"),
}
"""Pixel formats that are understood, the best first."""
MILLIMETRE, TOO_FAR_MM = 0.001, 1 << 16
PNG_OPTIONS = (
    (cv2.IMWRITE_PNG_COMPRESSION, 1),
    (cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
    (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
)
"""Half the time of level 1 alone at a like size: 29 ms against 62 for a noisy picture of 1280x720."""
JPEG_END = b"\xff\xd9"
WRAP_US = 1 << 32
"""The unit's clock is a 32-bit counter of microseconds: it begins anew every 71.6 minutes."""
BEHIND_US = 1_000_000
"""At most so much later than another's do the first frames of a stream come."""


def kind_of(profile: Any) -> str | None:
    """color, depth or ir; None of streams and formats that are not recorded."""
    kind = KINDS.get(str(profile.stream_type()).removeprefix("stream."))
    return kind if kind and format_of(profile) in FORMATS[kind] and profile.stream_index() in (0, 1) else None


def format_of(profile: Any) -> str:
    """The SDK's name of the pixel format."""
    return str(profile.format()).removeprefix("format.")


class UnitClock:
    """Device time of frames in microseconds: the middle of exposure where the unit tells it, the counter unwrapped.

    Streams of one unit share the counter. Threads of several sensors may ask.
    """

    def __init__(self) -> None:
        """Nothing is known before the first frame."""
        self._lock = threading.Lock()
        self._last_us: int | None = None
        self.without_hardware_time: set[str] = set()
        """Kinds whose frames have the host's time only, because the driver hands over no metadata."""

    def device_us(self, frame: Any, kind: str) -> int:
        """Time of a frame."""
        rs = load_sdk()
        key = rs.frame_metadata_value.sensor_timestamp
        if frame.supports_frame_metadata(key):  # the counter, whatever clock the SDK fitted for get_timestamp
            return self.unwrapped(int(frame.get_frame_metadata(key)))
        read_out_us = round(1000 * frame.get_timestamp())
        if frame.get_frame_timestamp_domain() == rs.timestamp_domain.hardware_clock:
            return self.unwrapped(read_out_us)
        self.without_hardware_time.add(kind)
        return read_out_us

    def unwrapped(self, raw_us: int) -> int:
        """A reading of the counter on a clock that goes on; the nearest to the one before."""
        with self._lock:
            if self._last_us is None:
                # A stream that is some frames behind must not come out before 0.
                self._last_us = raw_us + (WRAP_US if raw_us < BEHIND_US else 0)
            wraps = round((self._last_us - raw_us) / WRAP_US)
            self._last_us = raw_us + wraps * WRAP_US
            return self._last_us


class FrameEncoder:
    """Makes what is recorded of the frames of one unit."""

    def __init__(
        self, device: str, depth_unit_m: float, jpeg_quality: int | None, host_us: Callable[[Any, int], int]
    ) -> None:
        """`jpeg_quality` of colour that comes as pixels; None: PNG, without loss. `host_us` gives a frame's time of
        arrival from the frame and its device time."""
        self._device, self._unit_m, self._quality, self._host_us = device, depth_unit_m, jpeg_quality, host_us
        self.clock = UnitClock()
        depth_codec.encode(np.zeros((2, 2), np.uint16))  # compiled now: the first frame must not wait for it

    def encode(self, frame: Any) -> EncodedFrame | None:
        """The frame; None of a stream that is not recorded. Raises DeviceError for a format that is not understood."""
        profile = frame.get_profile()
        kind = kind_of(profile)
        if kind is None:
            return None
        device_us = self.clock.device_us(frame, kind)
        host_us = self._host_us(frame, device_us)
        pixels = np.asanyarray(frame.get_data())
        if kind == "depth":
            data = depth_codec.encode(depth_mm(pixels, self._unit_m))
        elif kind == "ir":
            data = depth_codec.encode(pixels.astype(np.uint16))
        else:
            data = self._color(pixels, profile)
        return EncodedFrame(
            stream=f"{self._device}/{kind}",
            sequence=int(frame.get_frame_number()),
            device_us=device_us,
            host_us=host_us,
            data=data,
        )

    def _color(self, pixels: np.ndarray, profile: Any) -> bytes:
        format = format_of(profile)
        if format == "mjpeg":
            data = pixels.tobytes()
            end = data.rfind(JPEG_END)  # the SDK's buffer is longer than the picture
            if end < 0:
                raise DeviceError(f"{self._device}: a colour frame is no whole JPEG")
            return data[: end + len(JPEG_END)]
        if format == "yuyv":
            height = profile.as_video_stream_profile().height()
            yuyv = np.frombuffer(pixels.tobytes(), np.uint8).reshape(height, -1, 2)
            pixels, format = cv2.cvtColor(yuyv, cv2.COLOR_YUV2RGB_YUY2), "rgb8"
        if self._quality is None:
            bgr = pixels if format == "bgr8" else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
            return cv2.imencode(".png", bgr, [number for option in PNG_OPTIONS for number in option])[1].tobytes()
        colorspace = {"rgb8": "RGB", "bgr8": "BGR"}[format]
        return simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels), quality=self._quality, colorspace=colorspace, colorsubsampling="422"
        )


def depth_mm(raw: UInt16[np.ndarray, "height width"], unit_m: float) -> UInt16[np.ndarray, "height width"]:
    """Depth in millimetres: the unit's own numbers where it counts millimetres, else rounded; 0 is missing, and so is
    what is beyond 65.5 m."""
    if is_millimetre(unit_m):
        return raw
    mm = np.rint(raw * (unit_m / MILLIMETRE))
    return np.where(mm < TOO_FAR_MM, mm, 0).astype(np.uint16)


def is_millimetre(unit_m: float) -> bool:
    """Whether the unit of depth is a millimetre, in single precision."""
    return abs(unit_m / MILLIMETRE - 1) < 1e-6
