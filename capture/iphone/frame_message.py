"""A phone's frame as one binary message: a JSON header, then colour, depth and confidence back to back.

Layout, numbers big endian: 4 bytes `HRP1`, u32 length of the header, the header, the parts in its order. Everything is
checked before it is decoded: a phone can neither make the rig allocate more than a frame has, nor hand it a picture of
another size than it promised.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pydantic.dataclasses
import simplejpeg
import zstandard
from jaxtyping import Float, UInt8, UInt16
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from capture import depth_codec
from capture.errors import CaptureError
from capture.iphone.message import PhoneMessage
from capture.iphone.protocol import (
    MAX_FRAME_BYTES,
    MAX_TIME_S,
    Hello,
    Number,
    PhoneStream,
    ProtocolError,
    check_intrinsics,
)

MAGIC = b"HRP1"
PREFIX = struct.Struct(">4sI")
MAX_HEADER_BYTES = 16 * 1024
Kind = Literal["color", "depth", "confidence"]
Coding = Literal["jpeg", "dzp", "zlib", "deflate", "raw"]
"""`deflate` is zlib's without header and checksum (RFC 1951): what iOS calls zlib."""
Finite = Annotated[float, Field(allow_inf_nan=False)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class FramePart:
    """One part: colour as `jpeg`, depth as any of the others, confidence as `zlib`, `deflate` or `raw`."""

    kind: Kind
    encoding: Coding
    bytes: Annotated[int, Field(ge=0, le=MAX_FRAME_BYTES)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class FrameHeader:
    """What stands before the parts."""

    take: Number
    number: Number
    """Counts the exposures of the take from 0; one that the app had to drop leaves a gap."""
    timestamp_s: Annotated[float, Field(ge=0, le=MAX_TIME_S, allow_inf_nan=False)]
    """ARFrame.timestamp: seconds of the clock that pings use."""
    parts: Annotated[list[FramePart], Field(min_length=1, max_length=3)]
    K: Annotated[list[Finite], Field(min_length=9, max_length=9)] | None = None
    """Intrinsics of the colour image, row by row."""
    T_arkit_camera: Annotated[list[Finite], Field(min_length=16, max_length=16)] | None = None
    """ARFrame.camera.transform, row by row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneFrame:
    """One frame as the rig records it."""

    take: int
    number: int
    timestamp_s: float
    color: bytes
    depth: bytes | None
    """dzp, whatever the phone sent."""
    message: bytes | None
    """A `PhoneMessage`, encoded; None where the phone has no stream `imu`."""

    @property
    def device_us(self) -> int:
        """The time of all its streams."""
        return round(1e6 * self.timestamp_s)


_HEADER = TypeAdapter(FrameHeader)


def encode_frame(
    *,
    take: int,
    number: int,
    timestamp_s: float,
    color: bytes,
    depth: tuple[Coding, bytes] | None = None,
    confidence: UInt8[np.ndarray, "height width"] | None = None,
    K: Float[np.ndarray, "3 3"] | None = None,
    T_arkit_camera: Float[np.ndarray, "4 4"] | None = None,
) -> bytes:
    """The binary message of a frame, as an app sends it."""
    parts: list[tuple[Kind, Coding, bytes]] = [("color", "jpeg", color)]
    if depth is not None:
        parts.append(("depth", *depth))
    if confidence is not None:
        parts.append(("confidence", "zlib", zlib.compress(np.ascontiguousarray(confidence).tobytes(), 1)))
    header = {
        "take": take,
        "number": number,
        "timestamp_s": timestamp_s,
        "parts": [{"kind": kind, "encoding": coding, "bytes": len(data)} for kind, coding, data in parts],
    }
    if K is not None:
        header["K"] = K.ravel().tolist()
    if T_arkit_camera is not None:
        header["T_arkit_camera"] = T_arkit_camera.ravel().tolist()
    text = json.dumps(header, allow_nan=False).encode()
    return b"".join([PREFIX.pack(MAGIC, len(text)), text, *(data for _, _, data in parts)])


def read_header(data: bytes) -> tuple[FrameHeader, int]:
    """The header and where the parts begin. Raises ProtocolError."""
    if len(data) < PREFIX.size or not data.startswith(MAGIC):
        raise ProtocolError(f"a binary message must begin with {MAGIC.decode()}, not {data[:4]!r}; see docs/phone.md")
    length = PREFIX.unpack_from(data)[1]
    if length > MAX_HEADER_BYTES or PREFIX.size + length > len(data):
        raise ProtocolError(f"a frame's header claims {length} bytes of {len(data)}; {MAX_HEADER_BYTES} are allowed")
    start = PREFIX.size + length
    try:
        header = _HEADER.validate_python(json.loads(data[PREFIX.size : start]))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(f"frame header key {key[:120]}: {first['msg'][:300]}; see docs/phone.md") from None
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a frame's header is not JSON ({str(error)[:120]}); see docs/phone.md") from None
    if start + sum(part.bytes for part in header.parts) != len(data):
        raise ProtocolError(f"frame {header.number}: its parts do not add up to the message; correct their bytes")
    return header, start


def decode_frame(data: bytes, hello: Hello) -> PhoneFrame:
    """A frame of the phone that said this hello, checked and re-coded. Raises ProtocolError for a bad one."""
    return decode_parts(data, *read_header(data), hello)


def decode_parts(data: bytes, header: FrameHeader, position: int, hello: Hello) -> PhoneFrame:
    """The same for a message whose header was read; its parts begin at `position`. Raises ProtocolError."""
    parts: dict[str, tuple[Coding, bytes]] = {}
    for part in header.parts:
        if part.kind in parts:
            raise ProtocolError(f"frame {header.number} has {part.kind} twice; send each part once")
        parts[part.kind] = part.encoding, data[position : position + part.bytes]
        position += part.bytes
    where = f"frame {header.number}"
    color, depth = hello.stream("color"), hello.stream("depth")
    assert color is not None  # hello was checked
    if "color" not in parts or ("depth" in parts) != (depth is not None):
        wanted = " and ".join(s.kind for s in hello.streams if s.kind != "imu")
        raise ProtocolError(f"{where} has {', '.join(parts)}; hello promised {wanted} in every frame")
    _check_jpeg(*parts["color"], color, where)
    return PhoneFrame(
        take=header.take,
        number=header.number,
        timestamp_s=header.timestamp_s,
        color=parts["color"][1],
        depth=_as_dzp(*parts["depth"], depth, where) if depth is not None else None,
        message=_message(header, parts.get("confidence"), depth, where) if hello.stream("imu") else None,
    )


def _check_jpeg(coding: Coding, data: bytes, stream: PhoneStream, where: str) -> None:
    try:
        if coding != "jpeg":
            raise ValueError(f"it is {coding}")
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise ProtocolError(f"{where}: its colour is not a JPEG image ({error}); send JPEG") from None
    if (width, height) != (stream.width, stream.height):
        raise ProtocolError(
            f"{where}: its colour has {width}x{height} pixels, hello promised {stream.width}x{stream.height}"
        )


def _as_dzp(coding: Coding, data: bytes, stream: PhoneStream, where: str) -> bytes:
    """Depth, little endian uint16 millimetres, as it is recorded. What is dzp already is checked and kept as it is."""
    width, height = stream.width or 0, stream.height or 0
    if coding != "dzp":
        depth = np.frombuffer(_plain(coding, data, 2 * width * height, f"{where}: its depth"), "<u2")
        return depth_codec.encode(_native(depth.reshape(height, width)))
    try:
        claimed = zstandard.frame_content_size(data)
        if claimed != 2 * width * height:
            raise CaptureError(f"{claimed} bytes inside")
        depth_codec.decode(data, height, width)
    except (CaptureError, zstandard.ZstdError) as error:
        raise ProtocolError(f"{where}: its depth is not dzp of {width}x{height} ({error})") from None
    return data


def _native(depth: np.ndarray) -> UInt16[np.ndarray, "height width"]:
    return depth.astype(np.uint16, copy=False)


def _message(
    header: FrameHeader, confidence: tuple[Coding, bytes] | None, depth: PhoneStream | None, where: str
) -> bytes:
    if header.K is None or header.T_arkit_camera is None:
        raise ProtocolError(f"{where} has no K or no T_arkit_camera; hello promised imu in every frame")
    check_intrinsics(header.K, f"K of {where}")
    if not np.allclose(header.T_arkit_camera[12:], [0, 0, 0, 1], rtol=0, atol=1e-6):
        raise ProtocolError(f"{where}: the last row of T_arkit_camera must be 0 0 0 1; Swift's matrices go by columns")
    if (confidence is None) != (depth is None):
        raise ProtocolError(f"{where}: confidence and depth come together; send a constant 2 where there is none")
    shape = (0, 0) if depth is None else (depth.height or 0, depth.width or 0)
    plain = b"" if confidence is None else _plain(*confidence, math.prod(shape), f"{where}: its confidence")
    return PhoneMessage(
        timestamp_s=header.timestamp_s,
        K=np.array(header.K, np.float64).reshape(3, 3),
        T_arkit_camera=np.array(header.T_arkit_camera, np.float64).reshape(4, 4),
        confidence=np.frombuffer(plain, np.uint8).reshape(shape),
    ).encode()


def _plain(coding: Coding, data: bytes, size: int, where: str) -> bytes:
    """`size` bytes, unpacked; never more."""
    if coding in ("zlib", "deflate"):
        try:
            unpacker = zlib.decompressobj(zlib.MAX_WBITS if coding == "zlib" else -zlib.MAX_WBITS)
            data = unpacker.decompress(data, size + 1)
        except zlib.error as error:
            raise ProtocolError(f"{where} is not {coding} data ({error}); compress it anew") from None
    elif coding != "raw":
        raise ProtocolError(f"{where} is {coding}; send raw, zlib or deflate")
    if len(data) != size:
        raise ProtocolError(f"{where} has {len(data)} bytes, {size} expected for the size of the stream")
    return data
