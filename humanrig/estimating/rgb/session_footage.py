"""Colour streams of a session as footage, with their calibrated cameras."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.estimating.rgb.footage import Footage


def session_footage(session: Session, views: Sequence[str], frames: tuple[int, int] | None) -> list[Footage]:
    """The streams that are asked for, each by itself; the only one where none is.

    Raises HumanrigError for streams that the session lacks, and where it has several and none was chosen.
    """
    streams = session.of_kind("color")
    if not streams:
        raise HumanrigError(f"{session.folder} has no colour stream; use humanrig estimate points")
    names = ", ".join(stream.rpartition("/")[0] for stream in streams)
    if not views and len(streams) > 1:
        raise HumanrigError(
            f"{session.folder} has {len(streams)} colour cameras; choose with --views {streams[0].rpartition('/')[0]} "
            f"(there are {names}), or use all of them together: humanrig register {session.folder}"
        )
    chosen = []
    for view in views or [streams[0]]:
        mine = [stream for stream in streams if view in (stream, stream.rpartition("/")[0])]
        if not mine:
            raise HumanrigError(f"--views {view}: {session.folder} has no such colour camera; there are {names}")
        chosen += mine
    return [_stream(session, stream, frames) for stream in sorted(set(chosen))]


def _stream(session: Session, stream: str, frames: tuple[int, int] | None) -> Footage:
    low, high = frames or (0, 2**31)
    instants = [i for i in session.instants() if low <= i.instant < high and i.index.get(stream, -1) >= 0]
    if not instants:
        raise HumanrigError(f"{session.folder}: {stream} has no picture at the instants asked for; choose other frames")
    indices = [instant.index[stream] for instant in instants]
    camera = session.cameras().get(stream)
    first = np.asarray(next(iter(session.frames(stream, indices[:1]))).payload)
    height, width = first.shape[:2]
    told = []
    if camera is not None and (camera.width, camera.height) != (width, height):
        raise HumanrigError(
            f"{stream} is {width}x{height} pixels and its camera {camera.width}x{camera.height}; import the session "
            "again"
        )
    if camera is None:
        told.append(f"{stream} has no calibrated camera in {session.folder}")

    def pictures() -> Iterator[np.ndarray]:
        for frame in session.frames(stream, indices):
            yield np.asarray(frame.payload)

    return Footage(
        name=stream.rpartition("/")[0],
        path=session.folder,
        frames=np.array([instant.instant for instant in instants], np.int64),
        time_us=np.array([instant.time_us for instant in instants], np.int64),
        width=width,
        height=height,
        pictures=pictures,
        camera=camera,
        told=tuple(told),
    )
