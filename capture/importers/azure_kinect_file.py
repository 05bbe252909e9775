"""One Azure Kinect .mkv, read without the SDK (layout: Azure-Kinect-Sensor-SDK, `src/record`)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal

import av
import av.error
import numpy as np

from capture.errors import CaptureError
from capture.importers.azure_kinect_head import read_head
from geometry.camera_files.azure_kinect import KinectCalibration, parse_kinect_calibration

TRACKS = {"COLOR": "color", "DEPTH": "depth", "IR": "ir", "DEPTH_IR": "ir", "IMU": "imu"}
SYNC: dict[str, Literal["standalone", "master", "subordinate"]] = {
    "STANDALONE": "standalone",
    "MASTER": "master",
    "SUBORDINATE": "subordinate",
}
IMU_SAMPLE = struct.Struct("<Q3fQ3f")
"""`matroska_imu_sample_t`, 40 bytes without padding: time of the accelerometer's sample (ns, device clock), its x y z
in m/s², time of the gyroscope's sample (ns), its x y z in rad/s."""
FILE_TIME_BASE = Fraction(1, 1_000_000)
"""Of every file of the recorder (`matroska_common.h`, MATROSKA_TIMESCALE_NS); it is told in an element that a recorder
which was killed never wrote."""
PEEKED_PACKETS = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class ImuSample:
    """One sample of the inertial sensor, on the device clock, in the sensor's own axes."""

    acc_us: int
    acc_mss: tuple[float, float, float]
    gyro_us: int
    gyro_rads: tuple[float, float, float]


class KinectFile:
    """A recording opened for reading."""

    def __init__(self, path: Path) -> None:
        """Reads the tags, tracks and calibration.

        Raises CaptureError when the file is missing, cut short, not a Matroska file, or not an Azure Kinect's.
        """
        self.path = Path(path)
        head = read_head(self.path)
        self.closed_properly, self._has_time_base = head.closed, head.has_info
        try:
            self._container = av.open(str(self.path))
        except (av.error.FFmpegError, ValueError) as error:
            raise CaptureError(
                f"{self.path} cannot be read as a Matroska file ({_reason(error)}); copy it again"
            ) from None
        self._kind: dict[int, str] = {}
        self._tags: dict[str, str] = dict(self._container.metadata)
        for stream in self._container.streams:
            self._tags.update(stream.metadata)
            kind = TRACKS.get(stream.metadata.get("title", ""))
            if kind and kind not in self._kind.values():
                self._kind[stream.index] = kind
        if not self._kind or not any(tag.startswith("K4A_") for tag in self._tags):
            self.close()
            raise CaptureError(
                f"{self.path} is not an Azure Kinect recording: it has none of the SDK's tracks and tags"
            )

    @property
    def kinds(self) -> list[str]:
        """Which of color, depth, ir, imu the file has."""
        return [kind for kind in ("color", "depth", "ir", "imu") if kind in self._kind.values()]

    @property
    def serial(self) -> str:
        """Serial number of the device; empty where the recorder did not write it."""
        return self._tags.get("K4A_DEVICE_SERIAL_NUMBER", "")

    @property
    def firmware(self) -> str:
        """Such as `color 1.6.110, depth 1.6.79`; empty where the recorder did not write it."""
        versions = {kind: self._tags.get(f"K4A_{kind.upper()}_FIRMWARE_VERSION") for kind in ("color", "depth")}
        return ", ".join(f"{kind} {version}" for kind, version in versions.items() if version)

    @property
    def color_mode(self) -> tuple[str, str]:
        """Pixel format and resolution, such as `MJPG`, `720P`; empty without colour."""
        encoding, _, resolution = self._tags.get("K4A_COLOR_MODE", "").partition("_")
        return encoding, resolution

    @property
    def depth_mode(self) -> str:
        """Such as `NFOV_UNBINNED`; empty without depth and IR."""
        return self._tags.get("K4A_DEPTH_MODE", "")

    @property
    def sync(self) -> Literal["standalone", "master", "subordinate"]:
        """Place on the synchronisation cable."""
        value = self._tags.get("K4A_WIRED_SYNC_MODE", "STANDALONE")
        if value not in SYNC:
            raise CaptureError(f"{self.path}: K4A_WIRED_SYNC_MODE is '{value}', expected one of {', '.join(SYNC)}")
        return SYNC[value]

    @cached_property
    def start_offset_us(self) -> int:
        """Device time at the start of the file; times in the file count from it.

        A recorder that was killed never wrote it: then it comes from the first IMU sample, which holds its device time,
        and is 0 where there is none (`knows_start`).
        """
        if "K4A_START_OFFSET_NS" in self._tags:
            return self._nanoseconds("K4A_START_OFFSET_NS") // 1000
        return self._start_by_imu() or 0

    @property
    def knows_start(self) -> bool:
        """Whether times in the file can be told as device times."""
        return "K4A_START_OFFSET_NS" in self._tags or self.closed_properly or self._start_by_imu() is not None

    @property
    def color_delay_us(self) -> int:
        """How much later than the master's pulse the colour camera was told to expose."""
        return self._nanoseconds("K4A_SUBORDINATE_DELAY_NS") // 1000 if self.sync == "subordinate" else 0

    @property
    def depth_delay_us(self) -> int:
        """How much later than the master's pulse the depth camera was told to expose."""
        return self.color_delay_us + self._nanoseconds("K4A_DEPTH_DELAY_NS") // 1000

    @property
    def length_us(self) -> int:
        """Time of the last block, from the start of the file."""
        return int(self._container.duration or 0)

    @property
    def calibration_json(self) -> bytes:
        """The factory calibration as attached. Raises CaptureError when there is none."""
        attached = [s for s in self._container.streams if s.type == "attachment"]
        name = self._tags.get("K4A_CALIBRATION_FILE", "calibration.json")
        for stream in attached:
            if name in (stream.metadata.get("filename"), getattr(stream, "name", None)):
                return bytes(stream.data).rstrip(b"\0")  # pyright: ignore[reportAttributeAccessIssue]
        raise CaptureError(f"{self.path} has no factory calibration attached; record it again with k4arecorder")

    @property
    def calibration(self) -> KinectCalibration:
        """The factory calibration. Raises GeometryError when it is damaged or of an unsupported kind."""
        return parse_kinect_calibration(self.calibration_json, f"{self.path}: attached calibration")

    def rate_hz(self, kind: str) -> float | None:
        """Nominal frame rate of an image track."""
        rate = self._video(kind).average_rate
        return float(rate) if rate else None

    def size(self, kind: str) -> tuple[int, int]:
        """Width and height of an image track."""
        return self._video(kind).width, self._video(kind).height

    def packets(self) -> Iterator[tuple[str, int, bytes, int]]:
        """Kind, device time in us, bytes and position in the file of each block, in the file's order.

        Raises CaptureError when the file turns out to be damaged.
        """
        offset = self.start_offset_us
        try:
            for packet in self._container.demux():
                kind = self._kind.get(packet.stream.index)
                if not kind or packet.pts is None or not packet.size:
                    continue
                yield kind, self._time_us(packet) + offset, bytes(packet), packet.pos or 0
        except av.error.FFmpegError as error:
            raise CaptureError(
                f"{self.path} is damaged ({_reason(error)}); copy it again from the recording computer"
            ) from None

    def image16(self, kind: str, data: bytes) -> np.ndarray:
        """(H, W) uint16 of a depth or IR block (stored big-endian). Raises CaptureError on a wrong size."""
        width, height = self.size(kind)
        if len(data) != 2 * width * height:
            raise CaptureError(f"{self.path}: a {kind} frame has {len(data)} bytes, {2 * width * height} expected")
        return np.frombuffer(data, ">u2").reshape(height, width).astype(np.uint16)

    def imu_sample(self, data: bytes) -> ImuSample:
        """The sample in an IMU block. Raises CaptureError on a wrong size."""
        if len(data) != IMU_SAMPLE.size:
            raise CaptureError(f"{self.path}: an IMU sample has {len(data)} bytes, {IMU_SAMPLE.size} expected")
        acc_ns, ax, ay, az, gyro_ns, gx, gy, gz = IMU_SAMPLE.unpack(data)
        return ImuSample(acc_us=acc_ns // 1000, acc_mss=(ax, ay, az), gyro_us=gyro_ns // 1000, gyro_rads=(gx, gy, gz))

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def _video(self, kind: str) -> av.VideoStream:
        index = next(index for index, found in self._kind.items() if found == kind)
        stream = self._container.streams[index]
        if not isinstance(stream, av.VideoStream) or stream.codec_context is None:  # of a codec that nobody knows
            raise CaptureError(f"{self.path}: the {kind} track is not a video track")
        return stream

    def _time_us(self, packet: av.Packet) -> int:
        """A block's time from the start of the file."""
        assert packet.pts is not None
        assert packet.time_base is not None
        return round(packet.pts * (packet.time_base if self._has_time_base else FILE_TIME_BASE) * 1_000_000)

    def _start_by_imu(self) -> int | None:
        imu = next((index for index, kind in self._kind.items() if kind == "imu"), None)
        if imu is None:
            return None
        with av.open(str(self.path)) as container:
            for _, packet in zip(range(PEEKED_PACKETS), container.demux()):
                if packet.stream.index == imu and packet.pts is not None and packet.size == IMU_SAMPLE.size:
                    return self.imu_sample(bytes(packet)).acc_us - self._time_us(packet)
        return None

    def _nanoseconds(self, tag: str) -> int:
        value = self._tags.get(tag, "0")
        try:
            return int(value)
        except ValueError:
            raise CaptureError(f"{self.path}: tag {tag} is '{value}', a number of nanoseconds was expected") from None

    def __enter__(self) -> KinectFile:
        """The file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self.close()


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
