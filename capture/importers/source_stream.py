"""One stream of a recording of others, and what copies its frames into a session without changing them."""

from __future__ import annotations

import heapq
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import simplejpeg
from jaxtyping import UInt8

from capture import depth_codec
from capture.errors import CaptureError
from capture.mcap_recording import McapWriter
from capture.session_info import StreamInfo, StreamKind
from capture.video import VideoStream
from geometry.coded_images import decode_image
from geometry.png_chunks import SIGNATURE, is_whole_png

JPEG, PNG = b"\xff\xd8\xff", SIGNATURE


@dataclass(frozen=True, kw_only=True)
class SourceStream:
    """Frames by their number in the source; a number that is missing between others is a frame that was lost."""

    name: str
    kind: StreamKind
    encoding: Literal["jpeg", "png", "dzp", "video", "json"]
    rate_hz: float
    """Numbers a second: frame n was taken at n / rate_hz after number 0."""
    numbers: Sequence[int] = ()
    read: Callable[[int], Any] = field(default=lambda number: b"")
    """By number: encoded bytes (color, imu), or (H, W) uint16 (depth in millimetres, ir)."""
    width: int | None = None
    height: int | None = None
    video: Path | None = None
    """The video file whose frames these are; then `numbers` is what it holds, from 0, and `read` is not asked."""

    @property
    def device(self) -> str:
        """The device's name."""
        return self.name.rsplit("/", maxsplit=1)[0]

    def time_us(self, number: int) -> int:
        """When a frame was taken, from number 0 on."""
        return round(number * 1e6 / self.rate_hz)

    def picture(self, number: int) -> UInt8[np.ndarray, "_ _ 3"]:
        """A colour frame, RGB. Raises CaptureError when it cannot be decoded."""
        if self.video is not None:
            video = VideoStream(self.video)
            try:
                return video.frame(number)
            finally:
                video.close()
        bgr = decode_image(self.read(number), cv2.IMREAD_COLOR)
        if bgr is None:
            raise CaptureError(f"frame {number} of {self.name} cannot be decoded; copy the recording again")
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def image_header(data: bytes, where: str) -> tuple[Literal["jpeg", "png"], int, int]:
    """Encoding, width and height of an encoded colour image.

    Raises CaptureError, starting with `where`, for anything but a whole JPEG or PNG of 8 bits.
    """
    try:
        if data.startswith(JPEG):
            height, width, *_ = simplejpeg.decode_jpeg_header(data)
            if data.rstrip(b"\0")[-2:] == b"\xff\xd9":
                return "jpeg", int(width), int(height)
        elif data.startswith(PNG):
            width, height, bits = struct.unpack_from(">IIB", data, 16)
            if bits == 8 and is_whole_png(data):
                return "png", width, height
            if bits != 8:
                raise CaptureError(f"{where} is a PNG of {bits} bits, colour has 8; is it a depth image?")
        else:
            raise CaptureError(f"{where} is neither JPEG nor PNG; convert it to PNG, which loses nothing")
    except (ValueError, struct.error):
        pass
    raise CaptureError(f"{where} is damaged or cut off; copy it again")


def write_streams(
    folder: Path, streams: Sequence[SourceStream], on_progress: Callable[[int, int], None] | None = None
) -> list[StreamInfo]:
    """Writes recording/DEVICE.mcap and copies videos; returns what session.toml says of the streams.

    Raises CaptureError when a frame cannot be read, or has another size than its stream.
    """
    total = sum(len(stream.numbers) for stream in streams)
    done = 0
    infos: dict[str, StreamInfo] = {}
    for device in dict.fromkeys(stream.device for stream in streams):
        written = [stream for stream in streams if stream.device == device and stream.video is None]
        recording = f"recording/{device}.mcap"
        if written:
            with McapWriter(folder / recording) as writer:
                for stream in written:
                    size = {"width": str(stream.width), "height": str(stream.height)} if stream.width else {}
                    writer.add_stream(f"/{stream.name}", stream.encoding, size)
                for time_us, stream, number in _in_time(written):
                    writer.write(f"/{stream.name}", _payload(stream, number), device_us=time_us, host_us=time_us)
                    done += 1
                    if on_progress:
                        on_progress(done, total)
        for stream in (stream for stream in streams if stream.device == device):
            file = recording if stream.video is None else f"recording/{device}{stream.video.suffix.lower()}"
            if stream.video is not None:
                shutil.copyfile(stream.video, folder / file)
                done += len(stream.numbers)
            infos[stream.name] = StreamInfo(
                name=stream.name,
                kind=stream.kind,
                file=file,
                topic=None if stream.video else f"/{stream.name}",
                encoding=stream.encoding,
                frames=len(stream.numbers),
                width=stream.width,
                height=stream.height,
                rate_hz=_rate(stream),
            )
    if on_progress:
        on_progress(total, total)
    return [infos[stream.name] for stream in streams]


def _in_time(streams: Sequence[SourceStream]) -> Iterator[tuple[int, SourceStream, int]]:
    """All frames of a device in the order of time."""
    queues = [[(stream.time_us(n), index, n) for n in sorted(stream.numbers)] for index, stream in enumerate(streams)]
    for time_us, index, number in heapq.merge(*queues):
        yield time_us, streams[index], number


def _payload(stream: SourceStream, number: int) -> bytes:
    data = stream.read(number)
    where = f"frame {number} of {stream.name}"
    if stream.kind == "color":
        encoding, width, height = image_header(data, where)
        if encoding != stream.encoding:
            raise CaptureError(f"{where} is {encoding}, earlier ones are {stream.encoding}; convert them to one")
    elif stream.kind in ("depth", "ir"):
        (height, width), data = data.shape, depth_codec.encode(np.ascontiguousarray(data))
    else:
        return data
    if (width, height) != (stream.width, stream.height):
        raise CaptureError(
            f"{where} is {width}x{height}, earlier ones are {stream.width}x{stream.height}; "
            "a stream has one size, put the others elsewhere"
        )
    return data


def _rate(stream: SourceStream) -> float | None:
    """Frames a second: of every sixth number of 30 Hz, 5."""
    if stream.kind == "imu" or not stream.numbers:
        return None
    steps = np.diff(sorted(stream.numbers))
    return round(stream.rate_hz / int(steps.min()), 4) if len(steps) else stream.rate_hz
