"""Corners of a board as cameras saw them, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from capture.board import Board


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoardView:
    """A board in one image."""

    camera: str
    """The camera's name, which is its stream's: `kinect_000/color`. An infrared image is its depth camera's view:
    `kinect_000/depth`."""
    instant: int
    """Which placement of the board this is: views of one instant see the board at one place."""
    ids: Int[np.ndarray, "corners"]
    """Which corners of `Board.corners` were found."""
    q: Float[np.ndarray, "corners 2"]
    """Where, pixels."""
    velocity: Float[np.ndarray, "corners 2"] | None = None
    """How fast they moved in the image, pixels a second; None where that is not known."""
    sigma_px: float = 0.1
    """Standard deviation of a found corner along each axis, as the detector estimates it."""
    offset_us: int = 0
    """How much later than its instant's time the picture was taken: with `velocity`, where the corners were then."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoardTake:
    """All views of one board."""

    board: Board
    views: tuple[BoardView, ...]
    image_sizes: Mapping[str, tuple[int, int]]
    """Width and height of every camera that was searched, also where nothing was found."""
    time_us: Mapping[int, int] = field(default_factory=dict)
    """Session time of each instant."""
    notes: tuple[str, ...] = ()
    """What was left out, in words: frames that are damaged."""

    def of_camera(self, camera: str) -> tuple[BoardView, ...]:
        """Its views, in the order of instants."""
        return tuple(sorted((v for v in self.views if v.camera == camera), key=lambda v: v.instant))

    @property
    def cameras(self) -> tuple[str, ...]:
        """Every camera that was searched."""
        return tuple(self.image_sizes)

    @property
    def instants(self) -> tuple[int, ...]:
        """Instants with at least one view, ascending."""
        return tuple(sorted({view.instant for view in self.views}))

    def with_views(self, views: Sequence[BoardView]) -> BoardTake:
        """The same take with other views."""
        return replace(self, views=tuple(views))
