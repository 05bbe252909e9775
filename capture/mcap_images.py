"""Pictures in a recording as the ROS 2 message that viewers such as Foxglove know: sensor_msgs/msg/CompressedImage.

The picture's bytes are as the device sent them; some fifty bytes before them, in CDR, say when and of which stream it
is. Readers of this program take them off again.
"""

from __future__ import annotations

import struct

SCHEMA_NAME = "sensor_msgs/msg/CompressedImage"
SCHEMA_ENCODING = "ros2msg"
MESSAGE_ENCODING = "cdr"
IMAGE_ENCODINGS = ("jpeg", "png")
_RULE = "=" * 80
SCHEMA = f"""std_msgs/Header header
string format
uint8[] data
{_RULE}
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
{_RULE}
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
""".encode()
LITTLE_ENDIAN = b"\x00\x01\x00\x00"
"""Encapsulation of CDR: representation CDR_LE, no options (OMG DDS-RTPS, 10.2)."""
_STAMP = struct.Struct("<4siI")
_LENGTH = struct.Struct("<I")


class ImageHeader:
    """What stands before each picture of one stream."""

    def __init__(self, frame_id: str, encoding: str) -> None:
        """`frame_id` is the stream's name, `encoding` is jpeg or png."""
        text = _string(frame_id.encode(), 8)
        self._middle = text + _string(encoding.encode(), 8 + len(text))
        self._middle += bytes(-len(self._middle) % 4)

    def before(self, size: int, time_us: int) -> bytes:
        """The bytes before a picture of `size` bytes that was taken at `time_us`."""
        seconds, us = divmod(time_us, 1_000_000)
        return _STAMP.pack(LITTLE_ENDIAN, seconds & 0x7FFFFFFF, us * 1000) + self._middle + _LENGTH.pack(size)


def picture_of(message: bytes) -> bytes:
    """The picture in a message. Raises ValueError when it is not such a message."""
    if message[:4] != LITTLE_ENDIAN:
        raise ValueError("not a little-endian CDR message")
    try:
        position = _STAMP.size
        for _ in ("frame_id", "format"):
            (size,) = _LENGTH.unpack_from(message, position)
            position += 4 + size
            position += -position % 4  # CDR counts from behind its own four bytes: the remainder is the same
        (size,) = _LENGTH.unpack_from(message, position)
    except struct.error:
        raise ValueError("the message ends before its picture") from None
    if position + 4 + size != len(message):
        raise ValueError(f"a picture of {size} bytes is announced, {len(message) - position - 4} are there")
    return message[position + 4 :]


def _string(text: bytes, at: int) -> bytes:
    """A CDR string that begins at `at`, with the padding before it."""
    return bytes(-at % 4) + _LENGTH.pack(len(text) + 1) + text + b"\0"
