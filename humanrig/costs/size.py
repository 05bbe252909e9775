"""How much there is to do in a session: what the costs of its stages are reckoned from."""

from __future__ import annotations

from dataclasses import dataclass

from capture.errors import CaptureError
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.errors import GeometryError
from humanrig import manifest
from humanrig.errors import HumanrigError

USUAL_PIXELS = {"depth": 640 * 576, "color": 1280 * 720}
"""Of a stream that does not say: NFOV_UNBINNED and 720p, an Azure Kinect's usual modes."""
WHOLE = ("sync", "calibrate")
"""Stages that work on the whole take, whichever instants are asked for."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is to do."""

    instants: int
    depth_streams: int
    color_streams: int
    alone_streams: int = 0
    """Of the colour streams those whose device has no depth: their masks come from the keypoint detector."""
    video_streams: int = 0
    """Of the colour streams those that are video files: every picture before the wanted one is decoded too."""
    depth_pixels: int
    """Of one instant, all streams together."""
    color_pixels: int
    people: int = 1
    recorded_bytes: int = 0

    @classmethod
    def of(
        cls,
        session: Session,
        *,
        frames: tuple[int, int] | None = None,
        without: frozenset[str] = frozenset(),
        people: int | None = None,
    ) -> Size:
        """The size of a session at any stage of its reconstruction; `people`: how many are followed, when it is known.

        Before `sync` has run the instants are the frames of the slowest camera; before `masks` has run one person is
        reckoned with. Never raises for a session that is damaged: what cannot be read is guessed.
        """
        placed = _placed(session)
        used = [
            stream
            for stream in session.streams.values()
            if stream.kind in USUAL_PIXELS
            and stream.device not in without
            and (placed is None or stream.name in placed)
        ]
        depth, color = ([s for s in used if s.kind == kind] for kind in ("depth", "color"))
        with_depth = {stream.device for stream in depth}
        files = {stream.file for stream in session.streams.values()}
        return cls(
            instants=_instants(session, used, frames),
            depth_streams=len(depth),
            color_streams=len(color),
            alone_streams=sum(stream.device not in with_depth for stream in color),
            video_streams=sum(stream.encoding == "video" for stream in color),
            depth_pixels=sum(map(_pixels, depth)),
            color_pixels=sum(map(_pixels, color)),
            people=people or _people(session),
            recorded_bytes=sum(path.stat().st_size for name in files if (path := session.path(name)).is_file()),
        )


def _placed(session: Session) -> set[str] | None:
    """Streams with a calibrated camera; None before that is known."""
    try:
        return set(session.cameras()) or None
    except (CaptureError, GeometryError):
        return None


def _instants(session: Session, used: list[StreamInfo], frames: tuple[int, int] | None) -> int:
    try:
        numbers = [instant.instant for instant in session.instants()]
    except CaptureError:
        numbers = list(range(min((stream.frames for stream in used), default=0)))
    if frames is None:
        return len(numbers)
    return sum(frames[0] <= number < frames[1] for number in numbers)


def _pixels(stream: StreamInfo) -> int:
    return (stream.width or 0) * (stream.height or 0) or USUAL_PIXELS[stream.kind]


def _people(session: Session) -> int:
    try:
        done = manifest.read(session.path("masks"))
    except HumanrigError:
        return 1
    found = done.figures.get("people") if done else None
    return max(found, 1) if isinstance(found, int) else 1
