"""Whether a frame is what its device said it would send; cheap enough for every frame of ten devices."""

from __future__ import annotations

import struct

import zstandard

from capture.device import DeviceStream
from capture.device_frames import EncodedFrame
from capture.mcap_recording import LATEST_US

PNG_SIZE = struct.Struct(">8x4x4sII")


def what_is_wrong(frame: EncodedFrame, stream: DeviceStream) -> str:
    """Why the frame cannot be recorded under its stream's description; empty when it can.

    Looks at sizes and times, not at pixels: a few microseconds a frame.
    """
    if frame.device_us < 0 or frame.host_us < 0:
        return f"a negative time (device {frame.device_us} us, host {frame.host_us} us)"
    if max(frame.device_us, frame.host_us) > LATEST_US:
        return f"a time beyond what a recording holds (device {frame.device_us} us, host {frame.host_us} us)"
    if not frame.data:
        return "an empty frame"
    if stream.width is None or stream.height is None:
        return ""
    if stream.encoding == "jpeg":
        return _wrong_size(jpeg_size(frame.data), stream, "JPEG")
    if stream.encoding == "png":
        head = frame.data[: PNG_SIZE.size]
        size = PNG_SIZE.unpack(head)[1:] if len(head) == PNG_SIZE.size and head[1:4] == b"PNG" else None
        return _wrong_size(size, stream, "PNG")
    if stream.encoding == "dzp":
        return _wrong_planes(frame.data, 2 * stream.width * stream.height)
    return ""


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that the frame header of a JPEG states; None when there is none."""
    if data[:2] != b"\xff\xd8":
        return None
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # ITU T.81 table B.1: SOF, not DHT, JPG, DAC
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        position += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", data, position + 2)[0]
    return None


def _wrong_size(found: tuple[int, int] | None, stream: DeviceStream, kind: str) -> str:
    if found is None:
        return f"what is not a {kind} image"
    if found != (stream.width, stream.height):
        return f"an image of {found[0]}x{found[1]}, it announced {stream.width}x{stream.height}"
    return ""


def _wrong_planes(data: bytes, expected: int) -> str:
    try:
        size = zstandard.frame_content_size(data)
    except zstandard.ZstdError:
        return "what is not a dzp image"
    return "" if size == expected else f"a dzp image of {size} bytes unpacked, {expected} expected"
