"""What a phone and the rig say to each other: JSON text messages, version 1 (`docs/phone.md` is the specification).

Times are microseconds, `t0` and `t3` of the phone's clock, `t1` and `t2` of the host's.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from capture.errors import CaptureError

VERSION = 1
MAX_TEXT_BYTES = 64 * 1024
MAX_FRAME_BYTES = 8 * 1024 * 1024
"""Of one binary message: a 1920x1440 JPEG of the best quality has some 3 MB, raw depth and confidence 150 kB."""
MAX_SIDE = 8192
MAX_DEPTH_SIDE = 1024
"""Depth is unpacked as it comes: a megapixel takes some milliseconds. ARKit's is 256x192."""
MAX_TIME_S = 5e9
"""Uptimes, and Unix times until 2128; in nanoseconds they fit a recording's 64 bits."""


def is_plain(character: str) -> bool:
    """Whether it may stand in a terminal and a file: no control, no turning of the writing direction, no new line."""
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _plain_text(text: str) -> str:
    if not all(map(is_plain, text)):
        raise ValueError("it has control characters, leave them out")
    return text


_STRICT = ConfigDict(extra="forbid")
Text = Annotated[str, Field(max_length=120), AfterValidator(_plain_text)]
Side = Annotated[int, Field(gt=0, le=MAX_SIDE)]
Number = Annotated[int, Field(ge=0, lt=2**53)]
Time = Annotated[float, Field(allow_inf_nan=False, ge=-1e6 * MAX_TIME_S, le=1e6 * MAX_TIME_S)]
MAX_FOCAL_PX, MAX_SKEW_PX = 1e5, 1.0
Matrix3 = Annotated[list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=9, max_length=9)]


class ProtocolError(CaptureError):
    """A message that the protocol does not allow; it is answered by an error and counted."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class PhoneStream:
    """One kind of image, or `imu` for intrinsics, pose and confidence."""

    kind: Literal["color", "depth", "imu"]
    rate_hz: Annotated[float, Field(gt=0, le=1000)]
    width: Side | None = None
    height: Side | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Hello:
    """The first message of every connection."""

    type: Literal["hello"] = "hello"
    version: int
    serial: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]
    """Tells one phone from another and stays the same: identifierForVendor, or a random number that the app keeps."""
    run: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_plain_text)]
    """A random text made when the app starts: a new one says that nothing of an earlier take is kept."""
    streams: Annotated[list[PhoneStream], Field(min_length=1, max_length=3)]
    model: Text = ""
    app: Text = ""
    camera: Text = ""
    token: Annotated[str, Field(max_length=200)] = ""
    K: Matrix3 | None = None
    """Intrinsics of the colour image at this moment, row by row."""

    def stream(self, kind: str) -> PhoneStream | None:
        """The stream of a kind, where the phone has it."""
        return next((s for s in self.streams if s.kind == kind), None)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Ping:
    """Asks for the host's time; every 50 ms or so."""

    type: Literal["ping"] = "ping"
    t0: Time


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Sync:
    """The answered ping with the time of its return: one clock exchange."""

    type: Literal["sync"] = "sync"
    t0: Time
    t1: Time
    t2: Time
    t3: Time


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Sending:
    """The answer to `start`, and to the first `stop` of a connection: frames from `next` on follow. What was under way
    before it does not count."""

    type: Literal["sending"] = "sending"
    take: Number
    next: Number


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Stopped:
    """After the last frame of a take."""

    type: Literal["stopped"] = "stopped"
    take: Number
    frames: Number
    """Frames numbered so far: the number of the last one plus 1."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Problem:
    """Something the operator should read: camera interrupted, phone hot, tracking lost. Empty: all is well again."""

    type: Literal["problem"] = "problem"
    text: Annotated[str, Field(max_length=300)] = ""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Welcome:
    """The rig's answer to hello."""

    type: Literal["welcome"] = "welcome"
    version: int = VERSION
    host: Text = ""
    ping_every_ms: Annotated[int, Field(ge=5, le=10_000)] = 50
    max_frame_bytes: Number = MAX_FRAME_BYTES


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Pong:
    """The answer to a ping; t1 when it came, t2 when this left."""

    type: Literal["pong"] = "pong"
    t0: Time
    t1: Time
    t2: Time


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Start:
    """Begin this take with frame number `next`; if it runs already (a broken link), send again from `next` on."""

    type: Literal["start"] = "start"
    take: Number
    next: Number = 0


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Stop:
    """Take no more frames, send what is kept, then `stopped`. On a new connection begin again from `next`."""

    type: Literal["stop"] = "stop"
    take: Number
    next: Number = 0


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Discard:
    """Nobody waits for your frames: end the take, forget them all."""

    type: Literal["discard"] = "discard"


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Ack:
    """All frames of the take below `next` have arrived and may be forgotten."""

    type: Literal["ack"] = "ack"
    take: Number
    next: Number


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Refusal:
    """A message was not understood or not allowed; the sentence is for whoever reads the app's log."""

    type: Literal["error"] = "error"
    text: Annotated[str, Field(max_length=2000)] = field(default="")


FromPhone = Hello | Ping | Sync | Sending | Stopped | Problem
FromRig = Welcome | Pong | Start | Stop | Discard | Ack | Refusal
_FROM_PHONE: TypeAdapter[FromPhone] = TypeAdapter(Annotated[FromPhone, Field(discriminator="type")])
_FROM_RIG: TypeAdapter[FromRig] = TypeAdapter(Annotated[FromRig, Field(discriminator="type")])


def to_text(message: FromPhone | FromRig) -> str:
    """The message as it is sent; keys without a value are left out."""
    return json.dumps(_plain(message), allow_nan=False)


def from_phone(text: str) -> FromPhone:
    """A phone's message. Raises ProtocolError in one sentence for anything else."""
    message = _parsed(_FROM_PHONE.validate_python, text, "hello, ping, sync, sending, stopped or problem")
    if isinstance(message, Hello):
        _check_hello(message)
    return message


def from_rig(text: str) -> FromRig:
    """The rig's message, as a phone reads it. Raises ProtocolError in one sentence for anything else."""
    return _parsed(_FROM_RIG.validate_python, text, "welcome, pong, start, stop, discard, ack or error")


def _parsed(validate: Callable[[Any], Any], text: str, known: str) -> Any:
    if len(text) > MAX_TEXT_BYTES:
        raise ProtocolError(f"a text message of {len(text)} characters is too long; {MAX_TEXT_BYTES} are allowed")
    try:
        return validate(json.loads(text))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False, include_context=False)[0]
            if first["type"].startswith("union_tag"):
                raise ProtocolError(f"a message's type must be one of {known}; see docs/phone.md") from None
            key = ".".join(str(part) for part in first["loc"])
            raise ProtocolError(
                f"message key {key[:120]}: {first['msg'].removeprefix('Value error, ')[:300]}; see docs/phone.md"
            ) from None
        raise ProtocolError(f"a text message is not JSON ({str(error)[:120]}); see docs/phone.md") from None


def _check_hello(hello: Hello) -> None:
    if hello.version != VERSION:
        raise ProtocolError(f"the app speaks version {hello.version}, this rig {VERSION}; update the older of the two")
    kinds = [stream.kind for stream in hello.streams]
    if len(set(kinds)) != len(kinds) or "color" not in kinds:
        raise ProtocolError(f"streams are {', '.join(kinds)}; send color once, and depth and imu at most once")
    for stream in hello.streams:
        if stream.kind != "imu" and (stream.width is None or stream.height is None):
            raise ProtocolError(f"stream {stream.kind} has no width and height; state them in hello")
        if stream.kind == "depth" and max(stream.width or 0, stream.height or 0) > MAX_DEPTH_SIDE:
            size = f"{stream.width}x{stream.height}"
            raise ProtocolError(f"depth of {size} is too large; send at most {MAX_DEPTH_SIDE} pixels a side")
    if hello.K is not None:
        check_intrinsics(hello.K, "K of hello")


def check_intrinsics(K: Sequence[float], where: str) -> None:
    """Raises ProtocolError unless the nine numbers, row by row, are a pinhole camera's in pixels."""
    fx, skew, cx, below, fy, cy, *last = K
    focal = all(1 <= f <= MAX_FOCAL_PX for f in (fx, fy)) and max(abs(cx), abs(cy)) <= MAX_FOCAL_PX
    if not (focal and abs(skew) <= MAX_SKEW_PX and below == 0 and last == [0, 0, 1]):
        raise ProtocolError(f"{where} must be fx 0 cx, 0 fy cy, 0 0 1 row by row; Swift's matrices go by columns")


def _plain(message: Any) -> dict[str, Any]:
    values = {name: getattr(message, name) for name in message.__dataclass_fields__}
    if isinstance(message, Hello):
        values["streams"] = [_plain(stream) for stream in message.streams]
    return {name: value for name, value in values.items() if value is not None}
