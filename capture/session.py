"""A session: one take on disk, opened for reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Int64

from capture import depth_codec
from capture.doubled_names import doubled_name
from capture.errors import CaptureError
from capture.frame import Frame
from capture.frame_sets import Instant, read_instants
from capture.mcap_recording import McapReader
from capture.session_info import DeviceInfo, SessionInfo, StreamInfo, read_info, software, write_info, wrong_name
from capture.video import VideoStream
from geometry.camera import Camera
from geometry.camera_files.cameras_json import CameraFile, read_camera_file, read_cameras
from geometry.coded_images import decode_image, decode_jpeg
from geometry.depth import decode_depth_mm
from geometry.told_values import json_of

INFO_FILE = "session.toml"
RECORDED_CAMERAS = ("recording", "cameras.json")
CALIBRATED_CAMERAS = ("calibration", "cameras.json")
INSTANTS = ("sync", "frames.parquet")


class Session:
    """A session's folder. Files are opened when they are first read; nothing in it is changed."""

    def __init__(self, folder: Path, info: SessionInfo) -> None:
        """Use `Session.open` or `Session.create`."""
        self.folder = Path(folder)
        self.info = info
        self.streams: dict[str, StreamInfo] = {stream.name: stream for stream in info.streams}
        self._recordings: dict[str, McapReader] = {}
        self._videos: dict[str, VideoStream] = {}

    @classmethod
    def open(cls, folder: Path) -> Session:
        """An existing session. Raises CaptureError when the folder is not one."""
        folder = Path(folder)
        if not folder.is_dir():
            raise CaptureError(f"there is no session at {folder}; make one with humanrig import or humanrig simulate")
        return cls(folder, read_info(folder / INFO_FILE))

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        streams: Sequence[StreamInfo],
        origin: str,
        devices: Sequence[DeviceInfo] = (),
        id: str | None = None,
        subject: str = "",
        action: str = "",
        links: Mapping[str, str] | None = None,
        created: datetime | None = None,
    ) -> Session:
        """Writes session.toml into the folder, which may already hold the recording.

        Devices that are not described are taken to share one clock. `id` is the folder's name unless given. Raises
        CaptureError when the folder already is a session, two streams have one name, or a name could not be read again.
        """
        folder = Path(folder)
        if (folder / INFO_FILE).exists():
            raise CaptureError(f"{folder} already is a session; choose another folder")
        if doubled := doubled_name(stream.name for stream in streams):
            raise CaptureError(f"{folder}: two streams are called '{doubled}'; give the devices different names")
        known = {device.name for device in devices}
        others = dict.fromkeys(stream.device for stream in streams if stream.device not in known)
        info = SessionInfo(
            id=id or folder.name,
            created=created or datetime.now(UTC).replace(microsecond=0),
            origin=origin,
            streams=list(streams),
            devices=[*devices, *(DeviceInfo(name=name) for name in others)],
            subject=subject,
            action=action,
            software=software(),
            links=dict(links or {}),
        )
        if wrong := wrong_name(info):
            raise CaptureError(f"{folder}: {wrong}; choose another")
        folder.mkdir(parents=True, exist_ok=True)
        write_info(folder / INFO_FILE, info)
        return cls(folder, info)

    def __reduce__(self) -> tuple[type[Session], tuple[Path, SessionInfo]]:
        """Another process opens the files for itself."""
        return Session, (self.folder, self.info)

    @property
    def devices(self) -> dict[str, DeviceInfo]:
        """Devices by name."""
        return {device.name: device for device in self.info.devices}

    def path(self, *parts: str) -> Path:
        """A path inside the session: `session.path("clouds", "000000.npz")`."""
        return self.folder.joinpath(*parts)

    def of_kind(self, kind: str) -> list[str]:
        """Names of the streams of a kind, in order."""
        return [name for name, stream in self.streams.items() if stream.kind == kind]

    def stream(self, name: str) -> StreamInfo:
        """Description of a stream. Raises CaptureError for an unknown name."""
        if name not in self.streams:
            raise CaptureError(f"{self.folder} has no stream '{name}'; it has {', '.join(self.streams) or 'none'}")
        return self.streams[name]

    def frame(self, stream: str, index: int) -> Frame:
        """One decoded frame. Raises CaptureError when it does not exist or is damaged."""
        info = self.stream(stream)
        if not 0 <= index < info.frames:
            raise CaptureError(f"{self.folder}: {stream} has {info.frames} frames, there is no frame {index}")
        if info.topic is None:
            video = self._video(info)
            time = int(video.timestamps_us[index]) + self._start_offset_us(info)
            return Frame(stream=stream, index=index, device_us=time, host_us=time, payload=video.frame(index))
        message = self.recording(info.file).read(info.topic, index)
        payload = decode(info, message.data, f"{self.folder}: frame {index} of {stream}")
        return Frame(stream=stream, index=index, device_us=message.device_us, host_us=message.host_us, payload=payload)

    def frames(self, stream: str, indices: Iterable[int] | None = None) -> Iterator[Frame]:
        """Decoded frames in the order of `indices`; all of them by default."""
        for index in range(self.stream(stream).frames) if indices is None else indices:
            yield self.frame(stream, index)

    def timestamps_us(self, stream: str) -> tuple[Int64[np.ndarray, "frames"], Int64[np.ndarray, "frames"]]:
        """Device and host time of each frame. A video file has one clock, returned twice; it
        begins at the start offset of its device."""
        info = self.stream(stream)
        if info.topic is None:
            times = self._video(info).timestamps_us[: info.frames] + self._start_offset_us(info)
            return times, times
        device, host = self.recording(info.file).timestamps_us(info.topic)
        return device[: info.frames], host[: info.frames]

    def instants(self) -> list[Instant]:
        """The frame sets that the stage `sync` made. Raises CaptureError before that stage has run."""
        return read_instants(self.path(*INSTANTS))

    def cameras(self) -> dict[str, Camera]:
        """Calibrated cameras by stream. Raises CaptureError before the stage `calibrate` has run."""
        path = self.path(*CALIBRATED_CAMERAS)
        if not path.exists():
            raise CaptureError(f"{path} is missing; run: humanrig reconstruct {self.folder} --only calibrate")
        return read_cameras(path)

    def recorded_cameras(self) -> dict[str, Camera]:
        """Cameras as the recording brought them, all of them placed in the world.

        Raises CaptureError when it brought none, GeometryError when where they stand is not known.
        """
        self.recorded_camera_file()
        return read_cameras(self.path(*RECORDED_CAMERAS))

    def recorded_camera_file(self) -> CameraFile:
        """The same with cameras whose place in the world is unknown, and where they came from."""
        path = self.path(*RECORDED_CAMERAS)
        if not path.exists():
            raise CaptureError(
                f"{path} is missing: the recording came without cameras; import it with --calibration FILE"
            )
        return read_camera_file(path)

    def recording(self, file: str) -> McapReader:
        """The reader of an MCAP file of this session, by its path inside it."""
        if file not in self._recordings:
            self._recordings[file] = McapReader(self.path(file))
        return self._recordings[file]

    def _start_offset_us(self, info: StreamInfo) -> int:
        """Device time of a video's first picture; its own times begin at 0."""
        device = self.devices.get(info.device)
        return 0 if device is None else device.start_offset_us

    def _video(self, info: StreamInfo) -> VideoStream:
        if info.file not in self._videos:
            self._videos[info.file] = VideoStream(self.path(info.file))
        return self._videos[info.file]


def _decode_png(data: bytes) -> np.ndarray:
    bgr = decode_image(data, cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("not a PNG image")
    return bgr[..., ::-1]


def decode(info: StreamInfo, data: bytes, where: str) -> Any:
    """The payload of a frame (see `Frame.payload`). Raises CaptureError, starting with `where`, for damaged bytes."""
    try:
        if info.encoding == "jpeg":
            return decode_jpeg(data)
        if info.encoding == "json":
            return json_of(data)
        if info.encoding == "png":
            return _decode_png(data)
    except ValueError as error:
        raise CaptureError(f"{where} is damaged ({error})") from None
    if info.encoding != "dzp" or info.height is None or info.width is None:
        raise CaptureError(f"{where}: a {info.encoding} stream needs width, height and a decoder; correct session.toml")
    try:
        image = depth_codec.decode(data, info.height, info.width)
    except CaptureError as error:
        raise CaptureError(f"{where}: {error}") from None
    if info.kind != "depth":
        return image
    return decode_depth_mm(image)
