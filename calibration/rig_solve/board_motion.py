"""How a board moved while it was exposed: one motion for all cameras, told by rolling rows and the pictures around."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from calibration.rig_solve.view_residuals import ViewResiduals, view_residuals
from calibration.timing.exposure_timing import ExposureTiming
from geometry.camera import Camera
from geometry.rigid import transform

VELOCITY_SIGMA_PX_S = 30.0
"""Of the speed that the pictures before and after tell, all corners of a view together: at 10 Hz a hand's tremor of up
to 6 Hz is between them. 80 gives the same cameras to 0.05 mm."""


def with_board_motion(
    views: Sequence[BoardView],
    cameras: Mapping[str, Camera],
    T_world_board: Mapping[int, Float[np.ndarray, "4 4"]],
    corners: Float[np.ndarray, "corners 3"],
    timings: Mapping[str, ExposureTiming],
) -> list[BoardView]:
    """The views, in their order, with velocities of one rigid motion of the board at each instant.

    `views` are as found: a row that was exposed later shows the board where it was then. Solved for at each instant:
    the board's six numbers, and its motion's six, from all corners with their rows' delays and from the velocities
    that the views have. Instants without any velocity stay as they are.
    """
    by_instant: dict[int, list[int]] = defaultdict(list)
    for index, view in enumerate(views):
        if view.camera in cameras and view.instant in T_world_board:
            by_instant[view.instant].append(index)
    moving = list(views)
    for instant, indices in by_instant.items():
        T = T_world_board[instant]
        about = transform(T, corners.mean(0))
        terms = {n: t for n in indices if (t := view_residuals(cameras[views[n].camera], corners, T, views[n], about))}
        motion = _motion([views[n] for n in terms], list(terms.values()), cameras, timings)
        if motion is not None:
            for n, term in terms.items():
                moving[n] = replace(views[n], velocity=term.by_motion @ motion)
    return moving


def _motion(
    views: Sequence[BoardView],
    terms: Sequence[ViewResiduals],
    cameras: Mapping[str, Camera],
    timings: Mapping[str, ExposureTiming],
) -> np.ndarray | None:
    """The six numbers a second, or None where no view knows a velocity."""
    if not any(view.velocity is not None for view in views):
        return None
    H, g = np.zeros((12, 12)), np.zeros(12)
    for view, term in zip(views, terms, strict=True):
        timing = timings.get(view.camera, ExposureTiming())
        delay = timing.delay_s(view.q, cameras[view.camera].height)
        J = np.concatenate([term.by_motion, delay[:, None, None] * term.by_motion], -1)
        weights = term.weights
        H += np.einsum("nki,n,nkj->ij", J, weights, J)
        g += np.einsum("nki,n,nk->i", J, weights, term.px)
        if view.velocity is not None:
            known = np.isfinite(view.velocity).all(-1)
            own, weight = term.by_motion[known], 1 / (VELOCITY_SIGMA_PX_S**2 * max(known.sum(), 1))
            H[6:, 6:] += weight * np.einsum("nki,nkj->ij", own, own)
            g[6:] += weight * np.einsum("nki,nk->i", own, view.velocity[known])
    return np.linalg.solve(H + 1e-9 * np.eye(12), g)[6:]
