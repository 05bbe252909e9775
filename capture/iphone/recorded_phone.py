"""The phone of a recorded or simulated session, as the reference agent plays it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capture.errors import CaptureError
from capture.iphone.message import PhoneMessage
from capture.iphone.protocol import VERSION, Hello, PhoneStream
from capture.session import Session
from capture.session_info import StreamInfo

DEFAULT_RATE_HZ = 30.0


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordedPhoneFrame:
    """One frame as it was recorded."""

    color: bytes
    depth: bytes | None
    """dzp."""
    message: PhoneMessage | None


class RecordedPhone:
    """Frames that have all of the phone's streams, in the order of time."""

    def __init__(self, folder: Path, device: str = "") -> None:
        """Raises CaptureError when the session has no such phone; an empty name takes its only one."""
        self._session = Session.open(Path(folder))
        phones = [name for name in self._session.devices if self._is_phone(name)]
        if device not in phones and (device or len(phones) != 1):
            found = f"{folder} has {len(phones)} phones ({', '.join(phones) or 'none'})"
            raise CaptureError(f"{found}; name one with --device, or simulate one: humanrig simulate S --phones 1")
        self.device = device or phones[0]
        kinds = ("color", "depth", "imu")
        found = {kind: self._session.streams.get(f"{self.device}/{kind}") for kind in kinds}
        self._streams: dict[str, StreamInfo] = {kind: info for kind, info in found.items() if info is not None}
        times = {kind: self._session.timestamps_us(info.name)[0] for kind, info in self._streams.items()}
        common = times["color"]
        for other in times.values():
            common = np.intersect1d(common, other)
        if not len(common):
            raise CaptureError(
                f"{self.device} of {folder} has no frame with all of its streams; choose another session"
            )
        self._indices = {kind: np.searchsorted(values, common) for kind, values in times.items()}
        self.times_us: list[int] = [int(t) for t in common - common[0]]
        """Since the first frame."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.times_us)

    def hello(self, *, serial: str = "", run: str, token: str = "") -> Hello:
        """What the phone says of itself when it connects."""
        info = self._session.devices[self.device]
        first = self.frame(0).message
        return Hello(
            version=VERSION,
            serial=serial or info.serial or self.device,
            run=run,
            model=info.model,
            app="humanrig reference agent",
            camera=f"plays {self.device} of {self._session.info.id}"[:120],
            token=token,
            K=None if first is None else first.K.ravel().tolist(),
            streams=[
                PhoneStream(kind=s.kind, rate_hz=s.rate_hz or DEFAULT_RATE_HZ, width=s.width, height=s.height)  # pyright: ignore[reportArgumentType]
                for s in self._streams.values()
            ],
        )

    def frame(self, index: int) -> RecordedPhoneFrame:
        """One frame. Raises CaptureError when it is damaged."""
        message = self._data("imu", index)
        where = f"frame {index} of {self.device}"
        return RecordedPhoneFrame(
            color=self._data("color", index) or b"",
            depth=self._data("depth", index),
            message=None if message is None else PhoneMessage.of(json.loads(message), where),
        )

    def _data(self, kind: str, index: int) -> bytes | None:
        info = self._streams.get(kind)
        if info is None:
            return None
        assert info.topic is not None  # phones are recorded in MCAP
        return self._session.recording(info.file).read(info.topic, int(self._indices[kind][index])).data

    def _is_phone(self, name: str) -> bool:
        """A device with colour as JPEG in an MCAP, and depth beside it only if it says what ARKit says."""
        color, depth = (self._session.streams.get(f"{name}/{kind}") for kind in ("color", "depth"))
        if color is None or color.encoding != "jpeg" or color.topic is None or not color.frames:
            return False
        if depth is not None and depth.encoding != "dzp":
            return False
        imu = self._session.streams.get(f"{name}/imu")
        if imu is None or not imu.frames:
            return depth is None
        assert imu.topic is not None
        try:
            PhoneMessage.of(json.loads(self._session.recording(imu.file).read(imu.topic, 0).data))
        except (CaptureError, ValueError):
            return False
        return True
