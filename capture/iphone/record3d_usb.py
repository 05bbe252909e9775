"""An iPhone over USB by the application Record3D, as a device: colour, LiDAR depth, confidence, intrinsics and pose.

The package `record3d` hands over the newest frame and calls back when there is one. **It gives no time of a frame**:
device time here is the host's monotonic clock in that callback, so that USB's delay is in it and no clock can be
fitted. Depth is float32 metres, rounded to millimetres here; colour comes as pixels and is compressed here. Poses are
taken as those of .r3d files are: OpenGL axes, which are ARKit's, of the picture as it is sent.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import Any

import numpy as np

from capture import depth_codec
from capture.device import Device, DeviceDescription, DeviceError, DeviceStream
from capture.device_frames import EncodedFrame
from capture.errors import CaptureError
from capture.iphone.record3d_frames import JPEG_QUALITY, Snapshot, encode_snapshot, image_size, take_snapshot
from capture.iphone.record3d_phones import find_phone, load_library, phone_serial
from capture.session_info import DeviceInfo
from geometry.camera import Camera
from geometry.errors import GeometryError

RATES_HZ = (30.0, 60.0)
RATE_S = 0.3
"""How long `open` looks at which of these rates frames come; the application does not say."""
FIRST_FRAME_S = 5.0
"""How long `open` waits for a picture: the application sends once its button was pressed."""
WAITING = 4
"""Frames that may wait to be compressed; one that comes then is lost, and counted."""
NOTE = (
    "device time is the host's at arrival, because Record3D gives none; depth rounded to millimetres; "
    f"colour compressed here, JPEG of quality {JPEG_QUALITY}; camera axes taken as those of the picture"
)


class Record3dDriver(Device):
    """One phone. Streams `color`, `depth` and `imu` (`PhoneMessage`) have one message a frame with one time."""

    def __init__(self, name: str, serial: str = "", *, library: Any = None, queue_bytes: int | None = None) -> None:
        """`serial`: the phone's UDID; empty for the only one. `library`: what has the interface of the class
        `Record3DStream`; the package's own unless given."""
        super().__init__(name, queue_bytes=queue_bytes)
        self.serial = serial
        self._given_library = library
        self._stream: Any = None
        self._sizes: dict[str, tuple[int, int]] = {}
        self._waiting: queue.Queue[Snapshot | None] = queue.Queue(WAITING)
        self._first = threading.Event()
        self._newest: Snapshot | None = None
        self._thread: threading.Thread | None = None
        self._running, self._stopped, self._sequence = False, False, 0

    def _open(self) -> DeviceDescription:
        library = load_library() if self._given_library is None else self._given_library
        phone = find_phone(library, self.name, self.serial)
        self._first.clear()
        self._newest, self._stopped, self._sequence = None, False, 0
        self._stream = library()
        self._stream.on_new_frame = self._arrived
        self._stream.on_stream_stopped = self._ended
        if not self._stream.connect(phone):
            self._close()
            raise DeviceError(
                f"{self.name}: the phone {phone_serial(phone)} refuses; open Record3D in its USB mode first"
            )
        if not self._first.wait(FIRST_FRAME_S) or self._newest is None:
            self._close()
            raise DeviceError(
                f"{self.name}: the phone {phone_serial(phone)} sends nothing for {FIRST_FRAME_S:g} s; "
                "choose USB streaming in Record3D's settings and press its record button"
            )
        first = self._newest
        depth_codec.encode(np.zeros((2, 2), np.uint16))  # compiled now: the first frames must not wait for it
        self._sizes = {"color": image_size(first.color), "depth": image_size(first.depth_m)}
        before = self._sequence
        time.sleep(RATE_S)
        seen_hz = (self._sequence - before) / RATE_S
        rate_hz = min(RATES_HZ, key=lambda rate: abs(rate - seen_hz))
        return self._description_of(first, phone_serial(phone), rate_hz)

    def _start(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        if self._stopped:
            raise DeviceError(
                f"{self.name}: the phone no longer sends; press Record3D's record button, then open again"
            )
        self._thread = threading.Thread(target=self._compress, name=f"record3d {self.name}", daemon=True)
        self._running = True
        self._thread.start()

    def _stop(self) -> None:
        self._running = False
        while self._thread is not None and self._thread.is_alive():  # it may have ended by itself, its queue full
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=0.05)
            self._thread.join(0.05)
        self._thread = None

    def _close(self) -> None:
        stream, self._stream = self._stream, None  # a callback that comes now finds nothing to take
        if stream is not None:
            stream.disconnect()

    def _arrived(self) -> None:
        """On the library's thread, before it reads the next frame: what is taken here belongs together."""
        host_us = time.monotonic_ns() // 1000
        stream = self._stream
        if stream is None:
            return
        self._sequence += 1
        try:
            taken = take_snapshot(stream, self._sequence, host_us)
        except Exception as error:  # none may reach the library's thread; the recorder must hear of it
            self._queue.fail(f"a frame of the phone cannot be read: {type(error).__name__}: {error}")
            return
        if not taken.color.size or not taken.depth_m.size:
            return
        self._newest = taken
        self._first.set()
        if self._running:
            with contextlib.suppress(queue.Full):  # the gap in the sequence tells of it
                self._waiting.put_nowait(taken)

    def _ended(self) -> None:
        self._stopped = True
        if self._running:
            self._queue.fail(
                "the phone stopped sending; see that Record3D runs and the cable holds, then open it again"
            )

    def _compress(self) -> None:
        while (taken := self._waiting.get()) is not None:
            sizes = {"color": image_size(taken.color), "depth": image_size(taken.depth_m)}
            if sizes != self._sizes:
                self._queue.fail(
                    f"the phone changed its images from {self._sizes} to {sizes}; hold it still and open again"
                )
                return
            try:
                payloads = encode_snapshot(taken)
            except (ValueError, CaptureError) as error:
                self._queue.fail(f"frame {taken.sequence} of the phone cannot be compressed: {error}")
                return
            for kind, data in payloads.items():
                frame = EncodedFrame(
                    stream=f"{self.name}/{kind}",
                    sequence=taken.sequence,
                    device_us=taken.host_us,
                    host_us=taken.host_us,
                    data=data,
                )
                self._queue.put(frame)

    def _description_of(self, first: Snapshot, serial: str, rate_hz: float) -> DeviceDescription:
        try:
            (width, height), depth_size = self._sizes["color"], self._sizes["depth"]
            color = Camera(name=f"{self.name}/color", K=first.K, width=width, height=height)
            depth = color.resized(*depth_size)
        except GeometryError as error:
            raise DeviceError(f"{self.name}: the phone's intrinsics cannot be: {error}; update Record3D") from None
        depth = Camera(name=f"{self.name}/depth", K=depth.K, width=depth.width, height=depth.height)
        return DeviceDescription(
            info=DeviceInfo(
                name=self.name, model="iPhone, Record3D over USB", serial=serial, clock=self.name, note=NOTE
            ),
            streams=(
                DeviceStream(
                    name=f"{self.name}/color",
                    kind="color",
                    encoding="jpeg",
                    rate_hz=rate_hz,
                    width=width,
                    height=height,
                ),
                DeviceStream(
                    name=f"{self.name}/depth",
                    kind="depth",
                    encoding="dzp",
                    rate_hz=rate_hz,
                    width=depth_size[0],
                    height=depth_size[1],
                ),
                DeviceStream(name=f"{self.name}/imu", kind="imu", encoding="json", rate_hz=rate_hz),
            ),
            cameras=(color, depth),
        )
