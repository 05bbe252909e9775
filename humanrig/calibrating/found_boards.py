"""Where a session's cameras saw the board, looked up once and kept: an interrupted calibration goes on from there."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from calibration.board_view import BoardTake
from calibration.boards.sweep import find_boards
from calibration.boards.take_files import read_take, write_take
from calibration.errors import CalibrationError
from capture.board import Board
from capture.errors import CaptureError
from capture.session import INSTANTS, Session
from humanrig import manifest
from humanrig.errors import HumanrigError

CACHE = ("cache", "boards")
SEARCHED_HZ = 12.0
"""A board's speed in the image is told by neighbouring pictures less than 0.1 s apart; with more, ten cameras take
long to search."""
RATE_SLACK = 0.02
"""24 Hz by clocks that run a little fast are searched like 24 Hz."""
GUESS_IMAGES = 24
VERSION = 4
"""Raised when the search finds other corners."""


def searched_every(session: Session) -> int:
    """Of how many instants one is searched, so that twelve a second or more are left.

    The rate is that of the instants: a phone beside the rig may send more frames than there are instants.
    """
    times_us = [instant.time_us for instant in session.instants()]
    if len(times_us) < 2:
        return 1
    return max(1, int(1e6 / max(float(np.median(np.diff(times_us))), 1.0) / SEARCHED_HZ + RATE_SLACK))


def found_boards(
    session: Session,
    board: Board,
    streams: list[str],
    *,
    every: int,
    workers: int | None,
    on_progress: Callable[[int, int], None] | None = None,
) -> BoardTake:
    """All views of the board in these colour and infrared streams, from the cache where they were looked up before.

    What is found is kept as the search goes on; one that was interrupted goes on from there.

    Raises HumanrigError when no camera saw the board, with the description that would fit where one is found.
    """
    path = cache_file(session, board, streams, every)
    take = _kept(path)
    if take is None:
        parts = path.with_suffix("")
        take = find_boards(
            session, board, streams=streams, every=every, workers=workers, kept=parts, on_progress=on_progress
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}")
        write_take(partial, take)
        partial.replace(path)
        shutil.rmtree(parts, ignore_errors=True)
    if not take.views:
        raise HumanrigError(f"{session.folder}: {_nothing_found(session, board, streams)}")
    return take


def _kept(path: Path) -> BoardTake | None:
    """The take of an earlier search; None where there is none, or what is there cannot be read: it is made again."""
    try:
        return read_take(path) if path.is_file() else None
    except CalibrationError:
        return None


def cache_file(session: Session, board: Board, streams: list[str], every: int) -> Path:
    """Where the views of this search are kept; another recording, board or search has another file."""
    files = {session.stream(name).file for name in streams}
    asked: dict[str, Any] = {
        "board": board.values(),
        "streams": sorted(streams),
        "every": every,
        "files": {name: manifest.fingerprint(session.path(name)) for name in sorted(files)},
        "instants": manifest.sha256(session.path(*INSTANTS)),
        "version": VERSION,
    }
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:24]
    return session.path(*CACHE, f"{key}.npz")


def _nothing_found(session: Session, board: Board, streams: list[str]) -> str:
    """What the pictures show instead, in words."""
    from calibration.boards.guess import explain, guess_board

    guesses = guess_board(_some_pictures(session, streams), board)
    return f"no camera saw the board; {explain(guesses, board)}"


def _some_pictures(session: Session, streams: list[str]) -> list[Any]:
    """Colour pictures from over the whole take, those that can be read."""
    instants = session.instants()
    colors = [name for name in streams if session.stream(name).kind == "color"] or streams
    step = max(1, len(instants) * len(colors) // GUESS_IMAGES)
    places = [(instant, stream) for instant in instants for stream in colors if instant.has(stream)]
    pictures = []
    for instant, stream in places[::step]:
        try:
            pictures.append(session.frame(stream, instant.index[stream]).payload)
        except CaptureError:
            continue  # damaged; the others tell as much
    return pictures
