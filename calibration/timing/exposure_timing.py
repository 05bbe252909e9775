"""When each row of a camera's image was exposed, and where a moving board's corners were at the instant itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from geometry.camera import Camera


@dataclass(frozen=True, kw_only=True, slots=True)
class ExposureTiming:
    """When a camera exposes."""

    offset_s: float = 0.0
    """The middle row of its image after the instant."""
    readout_s: float = 0.0
    """The last row after the first; 0: all at once."""
    offset_sigma_s: float = float("inf")
    readout_sigma_s: float = float("inf")

    def __add__(self, more: ExposureTiming) -> ExposureTiming:
        """What was known and what was found to be left of it; as sure as the latter."""
        return replace(more, offset_s=self.offset_s + more.offset_s, readout_s=self.readout_s + more.readout_s)

    def delay_s(self, q: Float[np.ndarray, "corners 2"], height: int) -> Float[np.ndarray, "corners"]:
        """When pixels were exposed after the instant, seconds."""
        return self.offset_s + self.readout_s * ((q[:, 1] + 0.5) / height - 0.5)


def at_the_instant(
    views: Iterable[BoardView], timings: Mapping[str, ExposureTiming], cameras: Mapping[str, Camera]
) -> tuple[BoardView, ...]:
    """The views with each corner where it was at the instant, as far as its velocity is known."""
    moved = []
    for view in views:
        timing = timings.get(view.camera)
        if timing is None or view.velocity is None:
            moved.append(view)
            continue
        delay = timing.delay_s(view.q, cameras[view.camera].height)[:, None]
        known = np.isfinite(view.velocity)
        moved.append(replace(view, q=view.q - np.where(known, view.velocity, 0.0) * delay))
    return tuple(moved)
