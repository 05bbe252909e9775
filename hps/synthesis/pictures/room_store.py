"""The rooms of a data set, painted when they are first seen and kept for the scenes that share them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import numpy as np

from capture.virtual.baked_room import BakedRoom
from capture.virtual.room import draw_room

KEPT: Final = 4
"""Rooms in memory, 12 MB each at 8 mm. Not kept on disk: scenes hardly share any, and painting takes 0.25 s."""
TEXEL_M: Final = 0.008
"""For pictures up to 800 columns; a pixel of 640 columns and 60 degrees sees 5.4 mm of a wall at 3 m."""
FINE_TEXEL_M: Final = 0.004


class RoomStore:
    """Rooms by seed; one for each process."""

    def __init__(self, texel_m: float = TEXEL_M) -> None:
        """Rooms painted with texels of one size."""
        self.texel_m = texel_m
        self._kept: OrderedDict[int, BakedRoom] = OrderedDict()

    def room(self, seed: int) -> BakedRoom:
        """The room of a seed."""
        if seed not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.popitem(last=False)
            self._kept[seed] = BakedRoom.of(draw_room(np.random.default_rng(seed)), self.texel_m)
        self._kept.move_to_end(seed)
        return self._kept[seed]
