"""Tiles made in the background by one worker that keeps to a share of one core, and only while somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from capture.device import DeviceStream
from capture.errors import CaptureError
from humanrig.live.newest_frames import NewestFrames
from humanrig.live.tiles import has_tile, make_tile

TILES_PER_S = 2.0
"""Of each stream, where the share allows as many."""
CPU_SHARE = 0.20
"""Of one core that tiles may take; the page's own traffic is beside it. Kept by waiting after each tile."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One small picture."""

    stream: str
    number: int
    """Grows with every tile of every stream."""
    jpeg: bytes


class TileMaker:
    """Draws the newest frame of every stream in turn. `tiles` may be read from any thread."""

    def __init__(
        self,
        newest: NewestFrames,
        streams: Callable[[], Sequence[DeviceStream]],
        watched: Callable[[], bool],
        *,
        tiles_per_s: float = TILES_PER_S,
        cpu_share: float = CPU_SHARE,
    ) -> None:
        """`streams` gives the rig's streams now, `watched` whether anybody looks."""
        self._newest, self._streams, self._watched = newest, streams, watched
        self._period_s, self._share = 1.0 / tiles_per_s, cpu_share
        self._quit = threading.Event()
        self._drawn: dict[str, tuple[int, int]] = {}
        self._number = 0
        self._thread = threading.Thread(target=self._work, name="preview tiles", daemon=True)
        self.tiles: dict[str, Tile] = {}
        self.problems: dict[str, str] = {}
        """By stream: why its last frame could not be drawn."""
        self.cpu_s = 0.0
        """Processor time that all tiles took."""

    def start(self) -> None:
        """Begins to draw."""
        self._thread.start()

    def close(self) -> None:
        """Returns when the worker has ended."""
        self._quit.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._quit.is_set():
            begun_s = time.monotonic()
            if self._watched():
                for stream in self._streams():
                    self._quit.wait(self._draw(stream) if has_tile(stream) else 0.0)
                    if self._quit.is_set():
                        return
            self._quit.wait(max(0.01, self._period_s - (time.monotonic() - begun_s)))

    def _draw(self, stream: DeviceStream) -> float:
        """Draws one stream's newest frame if it is a new one; how long to wait for the share to be kept."""
        frame = self._newest.newest(stream.name)
        if frame is None or self._drawn.get(stream.name) == (frame.sequence, frame.device_us):
            return 0.0
        begun_s = time.thread_time()
        try:
            jpeg = make_tile(stream, frame.data)
        except CaptureError as error:
            self.problems[stream.name] = str(error)
        else:
            self.problems.pop(stream.name, None)
            self._number += 1
            self.tiles[stream.name] = Tile(stream.name, self._number, jpeg)
        self._drawn[stream.name] = (frame.sequence, frame.device_us)
        spent_s = time.thread_time() - begun_s
        self.cpu_s += spent_s
        return spent_s * (1.0 / self._share - 1.0)
