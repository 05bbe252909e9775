"""Views and corners that contradict all others, and are left out of a second solve."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.board_view import BoardView
from calibration.bundle.problem import BundleSolution
from calibration.rig_solve.single_view import with_corners

CORNER_SIGMAS = 6.0
"""A corner farther off than this, in deviations of its camera's corners, is another thing than the corner; of 150 000
normal ones none is."""
VIEW_TIMES = 5.0
"""A view whose residuals are larger than those of its camera's median view by this was found wrongly as a whole, or
moved."""
LEAST_PX = 0.05
"""Deviation below which a camera's corners are not believed to be."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kept:
    """What is left, and what is not."""

    views: tuple[BoardView, ...]
    views_left_out: Mapping[str, int]
    """By camera."""
    corners_left_out: int


def leave_out(views: Sequence[BoardView], solution: BundleSolution, min_corners: int) -> Kept:
    """Views without what contradicts the solution; `views` are those of the solution, in its order."""
    of_camera: dict[str, list[np.ndarray]] = defaultdict(list)
    for view, residual in zip(views, solution.residuals, strict=True):
        of_camera[view.camera].append(residual)
    sigma = {name: _deviation(np.concatenate(all_of)) for name, all_of in of_camera.items()}
    usual = {name: float(np.median([_deviation(r) for r in all_of])) for name, all_of in of_camera.items()}
    kept, lost, corners = [], Counter(), 0
    for view, residual in zip(views, solution.residuals, strict=True):
        good = np.linalg.norm(residual, axis=-1) < CORNER_SIGMAS * sigma[view.camera]
        if _deviation(residual) > VIEW_TIMES * max(usual[view.camera], LEAST_PX) or good.sum() < min_corners:
            lost[view.camera] += 1
            continue
        corners += int((~good).sum())
        kept.append(view if good.all() else with_corners(view, good))
    return Kept(views=tuple(kept), views_left_out=dict(lost), corners_left_out=corners)


def _deviation(residual: np.ndarray) -> float:
    """Standard deviation along an axis, from the median distance: a normal distribution's is 1.1774 of it."""
    return max(float(np.median(np.linalg.norm(residual, axis=-1))) / 1.1774, LEAST_PX)
