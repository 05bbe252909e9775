"""Looks for the board in every picture of a session."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from calibration.board_view import BoardTake, BoardView
from calibration.boards.detection import BoardDetector
from calibration.boards.searched_part import Chunk, Found, read_part, write_part
from calibration.boards.velocity import with_velocities
from calibration.errors import CalibrationError
from calibration.rig import device_of
from capture.board import Board
from capture.errors import CaptureError
from capture.frame_sets import Instant
from capture.session import Session
from capture.worker_pool import worker_pool

SEARCHED_KINDS = ("color", "ir")
CHUNK = 16
"""Pictures of one stream that a process takes at once: a video is then read in order."""


def find_boards(
    session: Session,
    board: Board,
    *,
    instants: Sequence[int] | None = None,
    streams: Sequence[str] | None = None,
    every: int = 1,
    workers: int | None = None,
    kept: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> BoardTake:
    """Every view of the board in the colour and infrared streams of a session that has been synchronised.

    `instants` and `streams` limit the search, of the instants every `every`-th is searched. An infrared picture is a
    view of its depth camera. Damaged frames are left out and named in `notes`. Views get the velocity of their corners
    where neighbouring pictures are searched and less than 0.1 s away. The folder `kept` holds what was found while the
    search goes on, and one that was interrupted goes on from there: give another folder for another recording or
    board. `on_progress` is told (done, total) pictures.
    Raises CaptureError for a session without frame sets or an unknown stream, CalibrationError for streams that carry
    no pictures or a board that cannot be told apart.
    """
    if every < 1:
        raise CalibrationError(f"every {every}-th instant cannot be searched; give 1 or more")
    if workers is not None and workers < 1:
        raise CalibrationError(f"{workers} workers: at least one is needed; leave the option out for one per processor")
    names = _streams(session, streams)
    one_camera = len({camera_of(name) for name in names}) == 1
    detector = BoardDetector(board, one_camera=one_camera)
    chosen = _instants(session, instants)[::every]
    chunks = [chunk for name in names for chunk in _chunks(name, chosen)]
    total, done = sum(len(chunk.frames) for chunk in chunks), 0
    found: list[Found] = []
    for part in _resumed(session, detector, chunks, workers or os.cpu_count() or 1, kept):
        found.append(part)
        done += len(part.chunk.frames)
        if on_progress:
            on_progress(done, total)
    cameras = list(dict.fromkeys(camera_of(name) for name in names))
    sizes = {camera: size for camera in cameras if (size := _size(session, camera, found))}
    offsets = {(camera_of(name), i.instant): i.offset_us.get(name, 0) for name in names for i in chosen}
    time_us = {i.instant: i.time_us for i in chosen}
    views: list[BoardView] = []
    for camera in cameras:
        mine = [
            replace(view, offset_us=offsets[camera, view.instant])
            for part in found
            for view, size in zip(part.views, part.view_sizes)
            if view.camera == camera and size == sizes[camera]
        ]
        views += with_velocities(mine, time_us)
    notes = (*_damage_notes(found), *_size_notes(found, sizes))
    return BoardTake(board=board, views=tuple(views), image_sizes=sizes, time_us=time_us, notes=notes)


def camera_of(stream: str) -> str:
    """The camera that a stream's pictures are views of: infrared is what the depth camera sees."""
    return f"{device_of(stream)}/depth" if stream.endswith("/ir") else stream


def stream_of(session: Session, camera: str) -> str:
    """The stream whose pictures are views of a camera; the reverse of `camera_of`. Raises CalibrationError."""
    for name, info in session.streams.items():
        if info.kind in SEARCHED_KINDS and camera_of(name) == camera:
            return name
    raise CalibrationError(f"{session.folder} has no stream that shows what {camera} sees")


def _streams(session: Session, wanted: Sequence[str] | None) -> list[str]:
    names = [name for name, stream in session.streams.items() if stream.kind in SEARCHED_KINDS]
    if wanted is not None:
        for name in wanted:
            if session.stream(name).kind not in SEARCHED_KINDS:
                raise CalibrationError(f"{name} shows no board; choose among {', '.join(names) or 'no stream'}")
        names = list(wanted)
    if not names:
        raise CalibrationError(f"{session.folder} has neither colour nor infrared streams; no board can be found in it")
    return names


def _instants(session: Session, wanted: Sequence[int] | None) -> list[Instant]:
    known = session.instants()
    if wanted is None:
        return known
    by_number = {i.instant: i for i in known}
    if missing := [n for n in wanted if n not in by_number]:
        raise CalibrationError(f"{session.folder} has no instant {missing[0]}; it has {len(known)}, from 0")
    return [by_number[n] for n in sorted(set(wanted))]


def _chunks(stream: str, instants: Sequence[Instant]) -> Iterator[Chunk]:
    frames = [(i.instant, i.index[stream]) for i in instants if i.has(stream)]
    for first in range(0, len(frames), CHUNK):
        yield Chunk(stream=stream, frames=tuple(frames[first : first + CHUNK]))


def _resumed(
    session: Session, detector: BoardDetector, chunks: Sequence[Chunk], workers: int, kept: Path | None
) -> Iterator[Found]:
    """Every chunk's result, in any order: first what is kept in the folder, then what is searched now."""
    if kept is None:
        yield from _searched(session, detector, chunks, workers)
        return
    before = {chunk: part for chunk in chunks if (part := read_part(kept, chunk)) is not None}
    yield from before.values()
    for part in _searched(session, detector, [chunk for chunk in chunks if chunk not in before], workers):
        write_part(kept, part)
        yield part


def _searched(session: Session, detector: BoardDetector, chunks: Sequence[Chunk], workers: int) -> Iterator[Found]:
    """Every chunk's result, in any order; with one worker in this process."""
    search = BoardSearch(session, detector)
    again = partial(BoardSearch, session, detector)
    with worker_pool(again, min(workers, len(chunks)), here=search, trouble=_trouble) as pool:
        yield from pool.each("search", chunks)


def _trouble(count: int) -> CalibrationError:
    return CalibrationError(
        f"one of {count} processes that look for boards ended by itself; is there enough memory? Search with one "
        "worker, and from a script only below `if __name__ == '__main__':`"
    )


@dataclass(frozen=True)
class BoardSearch:
    """Looks for the board in the pictures of a session."""

    session: Session
    detector: BoardDetector

    def search(self, chunk: Chunk) -> Found:
        """What is in some pictures of one stream; those that cannot be read are named."""
        views: list[BoardView] = []
        sizes: list[tuple[int, int]] = []
        view_sizes: list[tuple[int, int]] = []
        damaged: list[str] = []
        for instant, index in chunk.frames:
            try:
                image = self.session.frame(chunk.stream, index).payload
            except CaptureError as error:
                damaged.append(str(error))
                continue
            sizes.append((image.shape[1], image.shape[0]))
            view = self.detector.detect(image, camera=camera_of(chunk.stream), instant=instant)
            if view is not None:
                views.append(view)
                view_sizes.append(sizes[-1])
        return Found(chunk=chunk, views=views, sizes=sizes, view_sizes=view_sizes, damaged=damaged)


def _size(session: Session, camera: str, found: Sequence[Found]) -> tuple[int, int] | None:
    """The size that most of a camera's pictures have, or that session.toml tells."""
    sizes = Counter(size for part in found if camera_of(part.chunk.stream) == camera for size in part.sizes)
    if sizes:
        return sizes.most_common(1)[0][0]
    for name, info in session.streams.items():
        if camera_of(name) == camera and info.kind in SEARCHED_KINDS and info.width and info.height:
            return info.width, info.height
    return None


def _damage_notes(found: Sequence[Found]) -> tuple[str, ...]:
    count = Counter({part.chunk.stream: 0 for part in found})
    first: dict[str, str] = {}
    for part in found:
        count[part.chunk.stream] += len(part.damaged)
        if part.damaged:
            first.setdefault(part.chunk.stream, part.damaged[0])
    return tuple(
        f"{stream}: {count[stream]} frame(s) could not be read and were left out; the first: {first[stream]}"
        for stream in sorted(first)
    )


def _size_notes(found: Sequence[Found], sizes: dict[str, tuple[int, int]]) -> tuple[str, ...]:
    others: dict[tuple[str, tuple[int, int]], int] = {}
    for part in found:
        for size in part.view_sizes:
            if size != sizes[camera_of(part.chunk.stream)]:
                others[part.chunk.stream, size] = others.get((part.chunk.stream, size), 0) + 1
    return tuple(
        f"{stream}: {count} picture(s) of {w}x{h} showed the board and were left out; the others have "
        f"{'x'.join(map(str, sizes[camera_of(stream)]))}"
        for (stream, (w, h)), count in others.items()
    )
