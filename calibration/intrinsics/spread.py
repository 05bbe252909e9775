"""How a lens changes when some of its views are left out, and how well it then predicts those (grouped jackknife)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.bundle.problem import IntrinsicsPrior, intrinsics_of
from calibration.errors import CalibrationError
from calibration.intrinsics.board_pose import board_before
from calibration.intrinsics.lens_fit import LensFit, refit
from geometry.rigid import transform

GROUPS = 10
"""Of views that are neighbours in time, each left out once: a waved board's neighbouring views share their errors."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spread:
    """What leaving views out does."""

    sigma: Float[np.ndarray, "12"]
    """Of the lens's numbers. It holds what the information matrix does not know of: errors that the corners of a view
    share, a board that is not flat, a lens that moves. Infinity where the rest of the views was not enough."""
    held_out_px: float
    """Root mean square distance of found from predicted corners in views that the lens was not fitted to; infinity as
    above."""


def view_spread(fit: LensFit, prior: IntrinsicsPrior, corners: Float[np.ndarray, "all 3"]) -> Spread:
    """The spread of a fit over its views."""
    count = min(GROUPS, len(fit.views))
    group = np.arange(len(fit.views)) * count // max(len(fit.views), 1)
    lenses, squares = [], []
    unknown = Spread(sigma=np.where(prior.sigma > 0, np.inf, 0.0), held_out_px=float("inf"))
    if count < 2:
        return unknown
    for left_out in range(count):
        try:
            camera = refit(fit, prior, corners, (group != left_out).tolist())
        except CalibrationError:
            return unknown
        lenses.append(intrinsics_of(camera))
        for view in (view for view, number in zip(fit.views, group) if number == left_out):
            T_camera_board = board_before(camera, corners, view)
            if T_camera_board is not None:
                off = camera.project_camera(transform(T_camera_board, corners[view.ids])) - view.q
                squares.append((off**2).sum(-1))
    apart = np.array(lenses) - np.mean(lenses, 0)
    return Spread(
        sigma=np.sqrt((count - 1) / count * (apart**2).sum(0)),
        held_out_px=float(np.sqrt(np.mean(np.concatenate(squares)))) if squares else float("inf"),
    )
