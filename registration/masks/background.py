"""The empty room in depth and colour, from a take recorded before anybody entered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from capture.session import Session

LINK = "background_from"
MAX_FRAMES = 5


def background_session(session: Session) -> Session | None:
    """The linked take of the empty room; None where session.toml names none.

    Raises CaptureError when the link leads nowhere.
    """
    link = session.info.links.get(LINK)
    return None if link is None else Session.open((session.folder / Path(link)).resolve())


def room_depth(background: Session, streams: Sequence[str]) -> dict[str, Float32[np.ndarray, "_ _"]]:
    """Median depth of the empty room by stream, metres; NaN where it was never seen. Streams it lacks are left out."""
    rooms = {}
    for stream in streams:
        if stream not in background.streams:
            continue
        count = min(background.stream(stream).frames, MAX_FRAMES)
        if count == 0:
            continue
        stack = np.stack([frame.payload for frame in background.frames(stream, range(count))])
        seen = np.isfinite(stack).any(0)
        room = np.full(stack.shape[1:], np.nan, np.float32)
        room[seen] = np.nanmedian(stack[:, seen], axis=0)
        rooms[stream] = room
    return rooms


def room_color(background: Session, streams: Sequence[str]) -> dict[str, UInt8[np.ndarray, "_ _ 3"]]:
    """Median image of the empty room by colour stream. Streams it lacks are left out."""
    rooms = {}
    for stream in streams:
        count = min(background.stream(stream).frames, MAX_FRAMES) if stream in background.streams else 0
        if count:
            stack = np.stack([frame.payload for frame in background.frames(stream, range(count))])
            rooms[stream] = np.median(stack, axis=0).astype(np.uint8)
    return rooms
