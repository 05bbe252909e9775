"""Which frames of a phone go into the files of its applications: those with a picture, a lens and a pose."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg
from jaxtyping import UInt8, UInt16

from capture import depth_codec
from capture.errors import CaptureError
from capture.iphone.message import PhoneMessage
from capture.session import Session
from capture.session_info import DeviceInfo

JPEG_QUALITY = 95
"""Of pictures that were recorded as a video or as PNG, for files that hold JPEG."""


@dataclass(frozen=True, slots=True)
class PhoneInstant:
    """One frame by the numbers that its streams give it."""

    time_us: int
    color: int
    depth: int | None
    message: int


@dataclass(frozen=True, kw_only=True)
class PhonePlan:
    """What of a phone goes into its file."""

    session: Session
    device: DeviceInfo
    instants: tuple[PhoneInstant, ...]
    notes: tuple[str, ...]
    """What is left out, a sentence each."""

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.instants)

    def message(self, instant: PhoneInstant) -> PhoneMessage:
        """Lens, pose and confidence. Raises CaptureError when it is damaged."""
        stream, index = f"{self.device.name}/imu", instant.message
        where = f"{self.session.folder}: frame {index} of {stream}"
        return PhoneMessage.of(self.session.frame(stream, index).payload, where)

    def picture(self, instant: PhoneInstant) -> UInt8[np.ndarray, "height width 3"]:
        """RGB. Raises CaptureError when it is damaged."""
        return self.session.frame(f"{self.device.name}/color", instant.color).payload

    def jpeg(self, instant: PhoneInstant) -> bytes:
        """The bytes as they were recorded, or encoded now where the recording has no JPEG."""
        stream = self.session.stream(f"{self.device.name}/color")
        if stream.encoding == "jpeg" and stream.topic is not None:
            return self.session.recording(stream.file).read(stream.topic, instant.color).data
        return simplejpeg.encode_jpeg(np.ascontiguousarray(self.picture(instant)), quality=JPEG_QUALITY)

    def depth_mm(self, instant: PhoneInstant) -> UInt16[np.ndarray, "height width"] | None:
        """Depth as recorded, 0 where missing; None where the instant has no depth image."""
        stream = self.session.streams.get(f"{self.device.name}/depth")
        if instant.depth is None or stream is None or stream.topic is None:
            return None
        data = self.session.recording(stream.file).read(stream.topic, instant.depth).data
        try:
            return depth_codec.decode(data, stream.height or 0, stream.width or 0)
        except CaptureError as error:
            raise CaptureError(f"{self.session.folder}: frame {instant.depth} of {stream.name}: {error}") from None


def plan_phone(session: Session, device: str) -> PhonePlan | None:
    """The frames of a device that tells its lens and pose with its pictures; None where none has them.

    Frames of its streams belong together by their device time. A picture without lens and pose is left out; one
    without depth stays.
    """
    color, said = session.streams.get(f"{device}/color"), session.streams.get(f"{device}/imu")
    if color is None or said is None or not color.frames or not said.frames:
        return None
    first = session.frame(said.name, 0).payload
    if not isinstance(first, dict) or "T_arkit_camera" not in first:
        return None
    depth = session.streams.get(f"{device}/depth")
    if depth is not None and (depth.encoding != "dzp" or not depth.frames):
        depth = None
    numbers = {s.name: _by_time(session, s.name) for s in (color, said, depth) if s is not None}
    depths = numbers.get(f"{device}/depth", {})
    instants = tuple(
        PhoneInstant(time_us, index, depths.get(time_us), numbers[said.name][time_us])
        for time_us, index in sorted(numbers[color.name].items())
        if time_us in numbers[said.name]
    )
    if not instants:
        return None
    notes = []
    if lost := color.frames - len(instants):
        notes.append(f"{device}: {lost} of {color.frames} pictures are left out, no lens and pose came with them")
    if depth is None:
        notes.append(f"{device}: it recorded no depth")
    elif hollow := sum(instant.depth is None for instant in instants):
        notes.append(f"{device}: {hollow} of {len(instants)} pictures have no depth image")
    return PhonePlan(session=session, device=session.devices[device], instants=instants, notes=tuple(notes))


def png(image: UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]) -> bytes:
    """A grey image of 8 or 16 bits."""
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _by_time(session: Session, stream: str) -> dict[int, int]:
    """Number of the frame by its device time; of two with one time the first."""
    times = session.timestamps_us(stream)[0]
    return {int(time): index for index, time in reversed(list(enumerate(times)))}
