"""How fast a board's corners move in the image, from the pictures before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from calibration.board_view import BoardView

LONGEST_STEP_S = 0.105
"""Pictures further apart than this (slower than 10 Hz) say nothing of the motion while the shutter was open."""


def with_velocities(views: Sequence[BoardView], time_us: Mapping[int, int]) -> list[BoardView]:
    """Views of one camera, in any order, with the velocities that their neighbours tell; None where these tell none.

    The central difference where a corner was found before and after, otherwise to the one neighbour that has it. A
    corner that no neighbour has gets the mean of the others. `time_us` is the time of each instant; `offset_us` of a
    view is added to it.
    """
    ordered = sorted(views, key=lambda view: view.instant)
    seconds = [1e-6 * (time_us[view.instant] + view.offset_us) for view in ordered]
    made = []
    for n, view in enumerate(ordered):
        near = [
            (ordered[m], seconds[m])
            for m in (n - 1, n + 1)
            if 0 <= m < len(ordered) and 0 < abs(seconds[m] - seconds[n]) <= LONGEST_STEP_S
        ]
        made.append(replace(view, velocity=_velocity(view, seconds[n], near)))
    return made


def _velocity(view: BoardView, second: float, near: list[tuple[BoardView, float]]) -> np.ndarray | None:
    """Of each corner, from one or two neighbours."""
    steps = np.full((len(near), len(view.ids), 2), np.nan)
    weights = []
    for step, (other, at) in zip(steps, near):
        _, mine, theirs = np.intersect1d(view.ids, other.ids, return_indices=True)
        step[mine] = (other.q[theirs] - view.q[mine]) / (at - second)
        weights.append(1 / abs(at - second))  # of two unequal steps the shorter one tells more: exact for a parabola
    if not len(near) or np.isnan(steps).all():
        return None
    weight = np.where(np.isnan(steps), 0, np.array(weights)[:, None, None])
    total = weight.sum(0)
    velocity = np.divide(
        (weight * np.nan_to_num(steps)).sum(0), total, out=np.full_like(view.q, np.nan), where=total > 0
    )
    known = np.isfinite(velocity).all(-1)
    velocity[~known] = velocity[known].mean(0)
    return velocity
