"""Where a virtual device's frames come from: a recorded session, or a function that renders them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import numpy as np
import simplejpeg
from jaxtyping import Int64

from capture.device import DeviceDescription, DeviceStream
from capture.errors import CaptureError
from capture.mcap_recording import McapReader
from capture.session import Session
from capture.session_info import StreamInfo
from capture.video import VideoStream
from geometry.camera import Camera

DEFAULT_RATE_HZ = 30.0
VIDEO_QUALITY = 92
"""JPEG quality of pictures out of a video: they are compressed a second time, so it is high."""


class FrameSource(ABC):
    """The encoded frames of one device in the order of exposure. Used by one thread at a time after `open`."""

    @abstractmethod
    def open(self) -> DeviceDescription:
        """What the device is; opens files."""

    @abstractmethod
    def pulses_us(self, stream: str) -> Int64[np.ndarray, "frames"]:
        """Rig time of each frame without the stream's delay, increasing, from about 0."""

    @abstractmethod
    def data(self, stream: str, index: int) -> bytes:
        """One encoded frame. Raises CaptureError when it cannot be had."""

    def close(self) -> None:  # noqa: B027 - most sources hold nothing
        """Closes files."""


class RecordedFrames(FrameSource):
    """One device of a recorded session, its recording repeated `loops` times without a gap.

    Video files become JPEG streams: each picture is decoded and encoded again when it is due, which costs this computer
    more than a camera would.
    """

    def __init__(self, session: Session, device: str, *, loops: int = 1) -> None:
        """Raises CaptureError when the session has no such device, or the times of its frames cannot be read."""
        if loops < 1:
            raise CaptureError(f"{device}: loops is {loops}, it must be at least 1")
        self._streams = [stream for stream in session.streams.values() if stream.device == device]
        if not self._streams:
            raise CaptureError(f"{session.folder} has no device '{device}'; it has {', '.join(session.devices)}")
        self._session, self._device, self._loops = session, device, loops
        self._readers: dict[str, McapReader] = {}
        self._videos: dict[str, VideoStream] = {}
        self._pulses_us = {stream.name: self._pulses(stream) for stream in self._streams}

    def open(self) -> DeviceDescription:
        """Opens readers of its own: several devices read one file side by side."""
        for file in {stream.file for stream in self._streams if stream.topic is not None}:
            self._readers[file] = McapReader(self._session.path(file))
        for stream in self._streams:
            if stream.topic is None:
                self._videos[stream.name] = VideoStream(self._session.path(stream.file))
        cameras, unplaced = self._cameras()
        prefix = f"{self._device}/"
        return DeviceDescription(
            info=self._session.devices[self._device],
            streams=tuple(
                DeviceStream(
                    name=s.name,
                    kind=s.kind,
                    encoding="jpeg" if s.encoding == "video" else s.encoding,
                    rate_hz=s.rate_hz or DEFAULT_RATE_HZ,
                    width=s.width,
                    height=s.height,
                    delay_us=s.delay_us,
                )
                for s in self._streams
            ),
            cameras=tuple(cameras[s.name] for s in self._streams if s.name in cameras),
            placed=frozenset(cameras) - unplaced,
            attachments={
                name: data
                for reader in self._readers.values()
                for name, data in reader.attachments.items()
                if name.startswith(prefix)
            },
        )

    def pulses_us(self, stream: str) -> Int64[np.ndarray, "frames"]:
        """Recorded device times less the stream's delay; 0 is the first frame of all devices on the same clock."""
        return self._pulses_us[stream]

    def data(self, stream: str, index: int) -> bytes:
        """The bytes as they were recorded; of a video, the decoded picture as JPEG."""
        info = self._session.stream(stream)
        if info.topic is None:
            picture = self._videos[stream].frame(index % info.frames)
            return simplejpeg.encode_jpeg(picture, quality=VIDEO_QUALITY, colorsubsampling="420")
        return self._readers[info.file].read(info.topic, index % info.frames).data

    def close(self) -> None:
        """Closes its readers."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        for video in self._videos.values():
            video.close()
        self._videos.clear()

    def _pulses(self, stream: StreamInfo) -> Int64[np.ndarray, "frames"]:
        own = self._times(stream)
        every = [
            t for other in self._session.streams.values() if self._shares_clock(other) for t in [self._times(other)]
        ]
        if not len(own):
            return own
        begin, end = min(int(t[0]) for t in every if len(t)), max(int(t[-1]) for t in every if len(t))
        span = end - begin + 1e6 / (stream.rate_hz or DEFAULT_RATE_HZ)
        return np.concatenate([own - begin + round(loop * span) for loop in range(self._loops)])

    def _times(self, stream: StreamInfo) -> Int64[np.ndarray, "frames"]:
        return self._session.timestamps_us(stream.name)[0] - stream.delay_us

    def _shares_clock(self, other: StreamInfo) -> bool:
        devices = self._session.devices
        return devices[other.device].clock == devices[self._device].clock

    def _cameras(self) -> tuple[Mapping[str, Camera], frozenset[str]]:
        if not self._session.path("recording", "cameras.json").exists():
            return {}, frozenset()
        file = self._session.recorded_camera_file()
        return file.cameras, file.unplaced


class RenderedFrames(FrameSource):
    """Frames that a function makes when they are due."""

    def __init__(
        self,
        description: DeviceDescription,
        render: Callable[[str, int], bytes],
        *,
        seconds: float,
        phase_us: int = 0,
    ) -> None:
        """`render(stream, index)` gives encoded bytes; `phase_us` is when the device's first frame is exposed."""
        self._description, self._render = description, render
        self._seconds, self._phase_us = seconds, phase_us

    def open(self) -> DeviceDescription:
        """The description as it was given."""
        return self._description

    def pulses_us(self, stream: str) -> Int64[np.ndarray, "frames"]:
        """Even steps of the stream's rate."""
        rate_hz = next(s.rate_hz for s in self._description.streams if s.name == stream)
        count = int(np.ceil(self._seconds * rate_hz - 1e-9))
        return self._phase_us + np.rint(np.arange(count) * 1e6 / rate_hz).astype(np.int64)

    def data(self, stream: str, index: int) -> bytes:
        """What the function gives."""
        return self._render(stream, index)
