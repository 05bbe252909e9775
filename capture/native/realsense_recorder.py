"""The maker's own recorder, fed by its software device: what it writes, its programs read.

The recorder takes frames faster than it writes them, holds 249 MB, and throws the rest away without a word; so that it
is paused, which waits until everything is on disk, before that much can be waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import UInt8, UInt16

from capture.errors import CaptureError
from capture.native.realsense_plan import Lens, ToAnchor
from capture.realsense.frames import MILLIMETRE
from capture.realsense.sdk import load_sdk

WAITING_BYTES = 64 * 2**20
"""At most so many bytes of images wait for the recorder: a quarter of what it holds (1920 x 1080 x 4 x 30)."""
STREAMS = {"depth": ("depth", 0, "z16", 2), "color": ("color", 0, "rgb8", 3), "ir": ("infrared", 1, "y16", 2)}
"""Of a kind: the SDK's stream, its index, its pixel format, bytes a pixel."""
SENSORS = {"depth": "Stereo Module", "ir": "Stereo Module", "color": "RGB Camera"}


class RealSenseRecorder:
    """A .db3 that is being written. Use it as a context manager; the file is whole when that ends."""

    def __init__(
        self,
        path: Path,
        *,
        info: Mapping[str, str],
        lenses: Mapping[str, Lens],
        places: Mapping[str, ToAnchor],
        rates_hz: Mapping[str, int],
    ) -> None:
        """`info`: values of the SDK's `camera_info` by name. `places` of all kinds but the anchor, to that.

        Raises DeviceError without the SDK, CaptureError when it refuses.
        """
        rs = self._rs = load_sdk()
        self.path = Path(path)
        self._waiting: list[Any] = []
        self._bytes = 0
        self._previous: dict[str, int] = {}
        try:
            device = rs.software_device()
            for key, value in info.items():
                device.register_info(getattr(rs.camera_info, key), value)
            sensors = {name: device.add_sensor(name) for name in dict.fromkeys(SENSORS[kind] for kind in lenses)}
            self._sensors = {kind: sensors[SENSORS[kind]] for kind in lenses}
            self._profiles = {
                kind: self._sensors[kind]
                .add_video_stream(self._stream(kind, uid, lens, rates_hz[kind]))
                .as_video_stream_profile()
                for uid, (kind, lens) in enumerate(lenses.items())
            }
            if "depth" in lenses:
                self._sensors["depth"].add_read_only_option(rs.option.depth_units, MILLIMETRE)
            (anchor,) = lenses.keys() - places.keys()
            for kind, place in places.items():
                extrinsics = rs.extrinsics()
                extrinsics.rotation = list(place.rotation_column_major)
                extrinsics.translation = list(place.translation_m)
                self._profiles[kind].register_extrinsics_to(self._profiles[anchor], extrinsics)
            device.create_matcher(rs.matchers.dlr_c)
            self._device = device
            self._recorder: Any = rs.recorder(str(path), device)
            self._open = list(self._recorder.query_sensors())
            for sensor in self._open:
                sensor.open(sensor.get_stream_profiles())
                sensor.start(rs.frame_queue(1))
        except RuntimeError as error:
            raise CaptureError(f"{path} cannot be recorded by the SDK ({error}); choose another folder") from None

    def write(
        self,
        kind: str,
        pixels: UInt16[np.ndarray, "height width"] | UInt8[np.ndarray, "height width 3"],
        *,
        device_us: int,
        host_us: int,
        number: int,
    ) -> None:
        """One frame: depth in millimetres, infrared, or colour as RGB. Raises CaptureError when the SDK refuses it."""
        rs, sensor = self._rs, self._sensors[kind]
        bytes_a_pixel = STREAMS[kind][3]
        frame = rs.software_video_frame()
        frame.bpp, frame.stride = bytes_a_pixel, pixels.shape[1] * bytes_a_pixel
        frame.timestamp, frame.domain = device_us / 1000, rs.timestamp_domain.hardware_clock
        frame.frame_number, frame.profile, frame.pixels = number, self._profiles[kind], pixels
        if kind == "depth":
            frame.depth_units = MILLIMETRE
        try:
            sensor.set_metadata(rs.frame_metadata_value.sensor_timestamp, device_us)
            sensor.set_metadata(rs.frame_metadata_value.time_of_arrival, host_us // 1000)
            sensor.on_video_frame(frame)
        except RuntimeError as error:
            raise CaptureError(f"{self.path}: the SDK refuses frame {number} of {kind} ({error})") from None
        self._waiting.append((frame, pixels))  # the SDK does not copy the pixels
        self._bytes += pixels.nbytes
        if self._bytes > WAITING_BYTES:
            self._recorder.pause()  # returns when everything is written
            self._recorder.resume()
            self._waiting.clear()
            self._bytes = 0

    def close(self) -> None:
        """Writes what waits and closes the file. May be called twice."""
        if self._recorder is None:
            return
        for sensor in self._open:
            sensor.stop()
            sensor.close()
        self._recorder.pause()
        self._open, self._recorder = [], None  # the file is closed with the last of them
        self._sensors, self._profiles, self._device = {}, {}, None
        self._waiting.clear()

    def _stream(self, kind: str, uid: int, lens: Lens, rate_hz: int) -> Any:
        rs = self._rs
        name, index, format, bytes_a_pixel = STREAMS[kind]
        intrinsics = rs.intrinsics()
        intrinsics.width, intrinsics.height = lens.width, lens.height
        intrinsics.fx, intrinsics.fy, intrinsics.ppx, intrinsics.ppy = lens.fx, lens.fy, lens.ppx, lens.ppy
        intrinsics.model, intrinsics.coeffs = getattr(rs.distortion, lens.model), list(lens.coeffs)
        stream = rs.video_stream()
        stream.type, stream.index, stream.uid = getattr(rs.stream, name), index, uid
        stream.width, stream.height, stream.fps = lens.width, lens.height, rate_hz
        stream.bpp, stream.fmt, stream.intrinsics = bytes_a_pixel, getattr(rs.format, format), intrinsics
        return stream

    def __enter__(self) -> RealSenseRecorder:
        """The recorder itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self.close()
