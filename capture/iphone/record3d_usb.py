"""An iPhone over USB by the application Record3D, as a device: colour, LiDAR depth, confidence, intrinsics and pose.

The package `record3d` hands over the newest frame and calls back when there is one. **It gives no time of a frame**:
device time here is the host's monotonic clock in that callback, so that USB's delay is in it and no clock can be
fitted. Depth is float32 metres, rounded to millimetres here; colour comes as pixels and is compressed here. Poses are
taken as those of .r3d files are: OpenGL axes, which are ARKit's, of the picture as it is sent.
"""

from __future__ import annotations

import contextlib
import importlib
import queue
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from scipy.spatial.transform import Rotation

from capture import depth_codec
from capture.device import Device, DeviceDescription, DeviceError, DeviceStream
from capture.device_frames import EncodedFrame
from capture.errors import CaptureError
from capture.found_device import DriverReport, FoundDevice
from capture.iphone.message import PhoneMessage
from capture.session_info import DeviceInfo
from geometry.camera import Camera
from geometry.errors import GeometryError
from geometry.rigid import rigid

DRIVER, PACKAGE = "record3d", "record3d"
SOCKET = Path("/var/run/usbmuxd")
RATES_HZ = (30.0, 60.0)
RATE_S = 0.3
"""How long `open` looks at which of these rates frames come; the application does not say."""
FIRST_FRAME_S = 5.0
"""How long `open` waits for a picture: the application sends once its button was pressed."""
WAITING = 4
"""Frames that may wait to be compressed; one that comes then is lost, and counted."""
JPEG_QUALITY = 92
MAX_MM = 65535
NOTE = (
    "device time is the host's at arrival, because Record3D gives none; depth rounded to millimetres; "
    f"colour compressed here, JPEG of quality {JPEG_QUALITY}; camera axes taken as those of the picture"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Snapshot:
    """What the library held when it called back."""

    sequence: int
    host_us: int
    color: np.ndarray
    depth_m: np.ndarray
    confidence: np.ndarray
    K: np.ndarray
    T_arkit_camera: np.ndarray


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
        self._waiting: queue.Queue[_Snapshot | None] = queue.Queue(WAITING)
        self._first = threading.Event()
        self._newest: _Snapshot | None = None
        self._thread: threading.Thread | None = None
        self._running, self._stopped, self._sequence = False, False, 0

    def _open(self) -> DeviceDescription:
        library = _library() if self._given_library is None else self._given_library
        phone = _find(library, self.name, self.serial)
        self._first.clear()
        self._newest, self._stopped, self._sequence = None, False, 0
        self._stream = library()
        self._stream.on_new_frame = self._arrived
        self._stream.on_stream_stopped = self._ended
        if not self._stream.connect(phone):
            raise DeviceError(f"{self.name}: the phone {_serial(phone)} refuses; open Record3D in its USB mode first")
        if not self._first.wait(FIRST_FRAME_S) or self._newest is None:
            self._close()
            raise DeviceError(
                f"{self.name}: the phone {_serial(phone)} sends nothing for {FIRST_FRAME_S:g} s; "
                "choose USB streaming in Record3D's settings and press its record button"
            )
        first = self._newest
        depth_codec.encode(np.zeros((2, 2), np.uint16))  # compiled now: the first frames must not wait for it
        self._sizes = {"color": _size(first.color), "depth": _size(first.depth_m)}
        before = self._sequence
        time.sleep(RATE_S)
        seen_hz = (self._sequence - before) / RATE_S
        rate_hz = min(RATES_HZ, key=lambda rate: abs(rate - seen_hz))
        return self._description_of(first, _serial(phone), rate_hz)

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
            taken = _take(stream, self._sequence, host_us)
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
            sizes = {"color": _size(taken.color), "depth": _size(taken.depth_m)}
            if sizes != self._sizes:
                self._queue.fail(
                    f"the phone changed its images from {self._sizes} to {sizes}; hold it still and open again"
                )
                return
            try:
                payloads = _encoded(taken)
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

    def _description_of(self, first: _Snapshot, serial: str, rate_hz: float) -> DeviceDescription:
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


def discover(library: Any = None) -> DriverReport:
    """Phones that usbmuxd sees. Never raises."""
    try:
        library = _library() if library is None else library
        found = [FoundDevice(driver=DRIVER, serial=_serial(p), model="iPhone") for p in library.get_connected_devices()]
    except (DeviceError, RuntimeError) as error:
        return DriverReport(driver=DRIVER, unavailable=str(error))
    return DriverReport(driver=DRIVER, devices=tuple(found))


def _library() -> Any:
    """The class `Record3DStream`. Raises DeviceError where it cannot work, with the next step."""
    try:
        library = importlib.import_module(PACKAGE).Record3DStream
    except ImportError as error:
        raise DeviceError(
            f"Record3D over USB: the package {PACKAGE} is missing ({error}); run: pip install 'humanrig[record3d]'"
        ) from None
    if sys.platform.startswith("linux") and not SOCKET.exists():
        raise DeviceError(
            f"Record3D over USB: usbmuxd does not run (no {SOCKET}); run: apt install usbmuxd, then plug the phone in"
        )
    return library


def _find(library: Any, name: str, serial: str) -> Any:
    phones = {_serial(phone): phone for phone in library.get_connected_devices()}
    there = ", ".join(phones) or "none"
    if serial and serial not in phones:
        raise DeviceError(f"{name}: no iPhone {serial} is connected (there: {there}); check its cable and its UDID")
    if not phones:
        raise DeviceError(f"{name}: no iPhone is connected; plug one in, unlock it and tap Trust")
    if not serial and len(phones) > 1:
        raise DeviceError(f"{name}: several iPhones are connected ({there}); write the UDID of one into rig.toml")
    return phones[serial or next(iter(phones))]


def _serial(phone: Any) -> str:
    return str(getattr(phone, "udid", "") or getattr(phone, "product_id", ""))


def _take(stream: Any, sequence: int, host_us: int) -> _Snapshot:
    pose, lens = stream.get_camera_pose(), stream.get_intrinsic_mat()
    quaternion = np.array([pose.qx, pose.qy, pose.qz, pose.qw], np.float64)
    tracked = np.linalg.norm(quaternion) > 0.5  # the front camera has no pose and may give zeros
    R = Rotation.from_quat(quaternion).as_matrix() if tracked else np.eye(3)
    return _Snapshot(
        sequence=sequence,
        host_us=host_us,
        color=np.array(stream.get_rgb_frame(), np.uint8),
        depth_m=np.array(stream.get_depth_frame(), np.float32),
        confidence=np.array(stream.get_confidence_frame(), np.uint8),
        K=np.array([[lens.fx, 0, lens.tx], [0, lens.fy, lens.ty], [0, 0, 1]], np.float64),
        T_arkit_camera=rigid(R, np.array([pose.tx, pose.ty, pose.tz], np.float64)),
    )


def _encoded(taken: _Snapshot) -> dict[str, bytes]:
    with np.errstate(invalid="ignore"):
        mm = np.rint(taken.depth_m.astype(np.float64) * 1000)
        mm = np.where((mm > 0) & (mm <= MAX_MM), mm, 0).astype(np.uint16)
    confident = taken.confidence.shape == taken.depth_m.shape
    message = PhoneMessage(
        timestamp_s=taken.host_us / 1e6,
        K=taken.K,
        T_arkit_camera=taken.T_arkit_camera,
        confidence=taken.confidence if confident else np.zeros((0, 0), np.uint8),
    )
    color = np.ascontiguousarray(taken.color[..., :3])
    return {
        "color": simplejpeg.encode_jpeg(color, quality=JPEG_QUALITY, colorspace="RGB", colorsubsampling="420"),
        "depth": depth_codec.encode(mm),
        "imu": message.encode(),
    }


def _size(image: np.ndarray) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
