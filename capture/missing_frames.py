"""Which frames session.toml tells of that the recording no longer has: a copy that broke off, a killed recorder."""

from __future__ import annotations

from capture.errors import CaptureError
from capture.session import Session
from capture.session_info import StreamInfo

NAMED = 3
"""Streams that a sentence names; more are counted."""


def missing_frames(session: Session) -> tuple[str, ...]:
    """A sentence for each recording that was cut short, has fewer frames than session.toml states, or cannot be read.

    It names streams with their frames and what to do. Quick: no chunk is read and no picture decoded, so damage within
    a frame does not show (`check_session` finds it). Empty when all frames are there.
    """
    said = []
    for file in dict.fromkeys(stream.file for stream in session.streams.values()):
        streams = [stream for stream in session.streams.values() if stream.file == file]
        try:
            text = _of_file(session, file, streams)
        except CaptureError as error:
            text = str(error)
        if text:
            said.append(text)
    return tuple(said)


def _of_file(session: Session, file: str, streams: list[StreamInfo]) -> str:
    there = {stream: min(_frames_there(session, stream), stream.frames) for stream in streams}
    short = [f"{s.name} has {n} of {s.frames} frames" for s, n in there.items() if n < s.frames]
    more = f" and {len(short) - NAMED} more streams are short" if len(short) > NAMED else ""
    what = ", ".join(short[:NAMED]) + more
    if streams[0].topic is None:
        return f"{file}: {what}; restore it from a copy or import it again" if short else ""
    recovered = session.recording(file).recovered
    if not recovered and not short:
        return ""
    cut = f"{file} was cut short" if recovered else f"{file} is not what session.toml tells of"
    return f"{cut}: {what or 'all frames are there, its index is not'}; run: humanrig repair {session.folder}"


def _frames_there(session: Session, stream: StreamInfo) -> int:
    if stream.topic is None:
        return len(session.timestamps_us(stream.name)[0])
    reader = session.recording(stream.file)
    return reader.count(stream.topic) if stream.topic in reader.topics else 0
