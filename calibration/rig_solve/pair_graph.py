"""Which cameras saw the board together, and where that puts one from the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PairTie:
    """Two cameras that saw the board at the same instants."""

    a: str
    b: str
    boards: int
    """Instants at which both saw it."""
    agreeing: int
    """Of these, the ones that agree on `T_a_b`."""
    T_a_b: Float[np.ndarray, "4 4"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PairGraph:
    """Cameras, and the boards that tie them."""

    cameras: tuple[str, ...]
    views: Mapping[str, int]
    """By camera: how many boards it saw."""
    ties: tuple[PairTie, ...]
    """Pairs with at least one board, a before b in `cameras`."""

    @property
    def boards(self) -> Int[np.ndarray, "cameras cameras"]:
        """How many boards each two cameras saw together; on the diagonal, how many each saw."""
        row = {name: index for index, name in enumerate(self.cameras)}
        counts = np.zeros((len(row), len(row)), int)
        for name, views in self.views.items():
            counts[row[name], row[name]] = views
        for tie in self.ties:
            counts[row[tie.a], row[tie.b]] = counts[row[tie.b], row[tie.a]] = tie.boards
        return counts
