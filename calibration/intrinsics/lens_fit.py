"""The lens that fits one camera's views of a board best, and what each view leaves over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from calibration.bundle.problem import BundleProblem, BundleSolution, CameraStart, IntrinsicsPrior
from calibration.bundle.solve import MAX_ITERATIONS, solve_bundle
from calibration.errors import CalibrationError
from calibration.intrinsics.board_pose import board_before, mirrored
from geometry.camera import Camera
from geometry.rigid import transform

MISFIT = 0.05
"""Median error of a view before the lens is estimated, as a part of the board's diagonal: a focal length that is 20 %
wrong makes 0.01 of a board tilted by 45°, shuffled corners 0.2."""
OUTLIER_VIEW = 5.0
"""A view whose median error is this many times the median of all views is not of this board, or smeared."""
ROBUST_SIGMAS = 4.0
"""Errors beyond this many standard deviations are weighted down: of good corners along both axes 3 in 10,000."""
MEDIAN_SIGMAS = 1.1774
"""Median distance of a Gaussian in the plane, as a multiple of its sigma along an axis."""
REFIT_ITERATIONS = 15
"""From the lens of all views the lens of nine tenths is 3 to 6 steps away; coefficients that cancel never arrive."""
LEAST_SIGMA_PX = 0.01
"""No corner is found better than this; perfect ones of a test would weigh without end."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LensFit:
    """A lens and what it leaves."""

    camera: Camera
    """At the origin."""
    covariance: Float[np.ndarray, "12 12"]
    """As the errors that were left make it."""
    views: tuple[BoardView, ...]
    """Those that were used, with the sigma that was found."""
    residuals: tuple[Float[np.ndarray, "_ 2"], ...]
    """Of each view, found less predicted, pixels."""
    T_camera_board: dict[int, Float[np.ndarray, "4 4"]]
    """By instant."""
    dropped: dict[int, str]
    """Views that were not used, by instant, and why."""
    robust_px: float | None
    """Distance beyond which corners were weighted down; None: none were."""
    converged: bool

    @property
    def rms_px(self) -> float:
        """Root mean square distance of found from predicted corners, as OpenCV reports it."""
        return float(np.sqrt((np.concatenate(self.residuals) ** 2).sum(-1).mean()))


def fit_lens(
    camera: Camera,
    prior: IntrinsicsPrior,
    corners: Float[np.ndarray, "all 3"],
    views: Sequence[BoardView],
    robust: bool = True,
) -> LensFit:
    """The lens from views of a board, of which `corners` are all. `camera` is where it begins.

    The first pass finds how large the errors are and which views do not belong. The second weighs the views against the
    prior by that and, where `robust`, weighs outliers down. Raises CalibrationError where no view places the board,
    and where a number without a prior is not determined.
    """
    camera = camera.at(np.eye(4))
    placed, dropped = {}, {}
    for view in views:
        T_camera_board = board_before(camera, corners, view)
        if T_camera_board is None:
            dropped[view.instant] = f"{len(view.ids)} corners do not place the board"
        elif mirrored(T_camera_board, corners[view.ids]):
            dropped[view.instant] = "its corners run the wrong way round: a mirrored print or image"
        elif (part := _misfit(camera, T_camera_board, corners[view.ids], view)) > MISFIT:
            dropped[view.instant] = f"its corners are {part:.0%} of the board off at its best place: not this board"
        else:
            placed[view.instant] = T_camera_board
    used = [view for view in views if view.instant in placed]
    if not used:
        why = f"; {next(iter(dropped.values()))}" if dropped else ""
        raise CalibrationError(f"no view places the board{why}")
    first = _solve(camera, prior, corners, used, placed, None)
    errors = {v.instant: float(np.median(np.linalg.norm(r, axis=-1))) for v, r in zip(used, first.residuals)}
    usual = float(np.median(list(errors.values())))
    false = {instant for instant, error in errors.items() if error > OUTLIER_VIEW * usual}
    dropped |= {n: f"its corners are {errors[n]:.2f} px off, those of other views {usual:.2f} px" for n in false}
    sigma = max(usual / MEDIAN_SIGMAS, LEAST_SIGMA_PX)
    used = [replace(view, sigma_px=sigma) for view in used if view.instant not in false]
    robust_px = ROBUST_SIGMAS * sigma if robust else None
    second = _solve(first.cameras[camera.name], prior, corners, used, first.T_world_board, robust_px)
    return LensFit(
        camera=second.cameras[camera.name],
        covariance=second.intrinsics_covariance[camera.name],
        views=tuple(used),
        residuals=second.residuals,
        T_camera_board=second.T_world_board,
        dropped=dropped,
        robust_px=robust_px,
        converged=second.converged,
    )


def _misfit(camera: Camera, T: Float[np.ndarray, "4 4"], p_board: Float[np.ndarray, "_ 3"], view: BoardView) -> float:
    """Median distance from prediction, as a part of the diagonal of what was seen; infinity with corners behind."""
    p_camera = transform(T, p_board)
    if (p_camera[:, 2] <= 0).any():
        return float("inf")
    off = np.linalg.norm(camera.project_camera(p_camera) - view.q, axis=-1)
    return float(np.nan_to_num(np.nanmedian(off), nan=np.inf) / np.linalg.norm(np.ptp(view.q, axis=0)))


def refit(fit: LensFit, prior: IntrinsicsPrior, corners: Float[np.ndarray, "all 3"], keep: Sequence[bool]) -> Camera:
    """The lens without some of a fit's views. Raises CalibrationError as `fit_lens` does."""
    used = [view for view, kept in zip(fit.views, keep) if kept]
    return _solve(fit.camera, prior, corners, used, fit.T_camera_board, fit.robust_px, REFIT_ITERATIONS).cameras[
        fit.camera.name
    ]


def _solve(
    camera: Camera,
    prior: IntrinsicsPrior,
    corners: Float[np.ndarray, "all 3"],
    views: Sequence[BoardView],
    T_camera_board: Mapping[int, Float[np.ndarray, "4 4"]],
    robust_px: float | None,
    max_iterations: int = MAX_ITERATIONS,
) -> BundleSolution:
    return solve_bundle(
        BundleProblem(
            corners=corners,
            views=tuple(views),
            cameras={camera.name: CameraStart(camera=camera, prior=prior)},
            T_world_board=T_camera_board,
        ),
        robust_px=robust_px,
        max_iterations=max_iterations,
    )
