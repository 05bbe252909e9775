"""The rooms of a data set, painted once: on disk for all processes, mapped into memory."""

from __future__ import annotations

import os
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Final

import numpy as np

from capture.virtual.baked_room import BakedRoom
from capture.virtual.room import draw_room

VERSION: Final = 1
"""Raised when the same seed comes to mean another room."""
KEPT: Final = 8
"""Rooms in memory; mapped ones cost no more than the pages that are looked at."""
TEXEL_M: Final = 0.008
"""For pictures up to 800 columns; a pixel of 640 columns and 60 degrees sees 5.4 mm of a wall at 3 m."""
FINE_TEXEL_M: Final = 0.004


class RoomStore:
    """Rooms by seed; what a file gives equals what is painted anew."""

    def __init__(self, folder: Path | None, texel_m: float = TEXEL_M) -> None:
        """`folder` None: only this process's memory."""
        self.folder, self.texel_m = folder, texel_m
        self._kept: OrderedDict[int, BakedRoom] = OrderedDict()

    def room(self, seed: int) -> BakedRoom:
        """The room of a seed."""
        if seed not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.popitem(last=False)
            self._kept[seed] = self._found(seed)
        self._kept.move_to_end(seed)
        return self._kept[seed]

    def _found(self, seed: int) -> BakedRoom:
        if self.folder is None:
            return self._painted(seed)
        path = self.folder / f"v{VERSION}-{round(1e3 * self.texel_m)}mm-{seed:08d}"
        try:
            return BakedRoom.load(path)
        except (OSError, ValueError, EOFError):
            room = self._painted(seed)
            _write(room, path)
            return room

    def _painted(self, seed: int) -> BakedRoom:
        return BakedRoom.of(draw_room(np.random.default_rng(seed)), self.texel_m)


def _write(room: BakedRoom, path: Path) -> None:
    """Whole or not at all; several processes may write the same. A cache that cannot be written is done without."""
    part = path.with_name(f".{path.name}.part{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        room.save(part)
        if path.exists():  # damaged, or another process's that has just come
            shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    except OSError:
        pass
    finally:
        shutil.rmtree(part, ignore_errors=True)
