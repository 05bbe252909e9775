"""A camera's lens from its views of a board: estimated, judged, and refused where the views do not determine it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardTake, BoardView
from calibration.bundle.problem import IntrinsicsPrior
from calibration.errors import CalibrationError
from calibration.intrinsics.coverage import camera_coverage
from calibration.intrinsics.lens_fit import LensFit
from calibration.intrinsics.lens_models import LensModel, free_prior, turning_radius, with_lens
from calibration.intrinsics.limits import advice, contradiction, weaknesses
from calibration.intrinsics.readout import fit_moving_lens
from calibration.intrinsics.result import IntrinsicsResult
from calibration.intrinsics.spread import Spread, view_spread
from calibration.intrinsics.start import start_camera
from geometry.camera import Camera

MOST_VIEWS = 120
"""Views beyond this are thinned evenly: sixty determine a lens (see docs/intrinsics.md)."""
RATIONAL_GAIN = 0.97
"""The rational model is taken where views that were left out fit at least this much better. The Azure Kinect set gains
0.70; OpenCV's stereo set, the person recording and the iPhone capture gain nothing (0.999 and more)."""


def calibrate_intrinsics(
    take: BoardTake,
    camera: str | Camera,
    *,
    prior: IntrinsicsPrior | None = None,
    model: Literal["auto", "brown", "rational"] = "auto",
    robust: bool = True,
) -> IntrinsicsResult:
    """The lens of one camera of a take.

    `camera` is its name, or what is known of it: the estimate begins there, and with a `prior` it is what remains when
    the views are refused. Without a prior all numbers are free and `model` says which coefficients there are; `auto`
    takes the one that predicts left-out views better. A prior decides that itself: what has sigma 0 stays. `robust`
    weighs corners beyond four sigma down; without it, plain least squares as OpenCV's.

    Raises CalibrationError when the take has no such camera, when `camera` is for images of another size, and when the
    prior leaves nothing to estimate. Views that do not determine the lens are no error: see `accepted` and `reason`.
    """
    name = camera if isinstance(camera, str) else camera.name
    if name not in take.image_sizes:
        raise CalibrationError(f"no camera '{name}' in the board take; it has {', '.join(take.cameras)}")
    size = take.image_sizes[name]
    if isinstance(camera, Camera) and (camera.width, camera.height) != tuple(size):
        raise CalibrationError(
            f"camera '{name}' is known for {camera.width}x{camera.height} pixels, its images have {size[0]}x{size[1]}; "
            "bring its numbers for this image size"
        )
    if prior is not None and not np.any(prior.sigma > 0):
        raise CalibrationError(f"camera '{name}': every sigma of the prior is 0, so nothing is left to estimate")
    corners = take.board.corners
    views, dropped = _fit_for_use(take.of_camera(name), size)
    known = _known(name, camera, prior, size)
    start = known or start_camera(name, size, corners, views)
    fit, readout_s, spread, chosen, failure = _best(start, prior, model, corners, views, robust)
    if fit is None:
        estimate, sigma = None, np.full(12, np.nan)
        coverage = camera_coverage(start, corners, views)
        reasons = (failure, advice(coverage))
    else:
        estimate = _bounded(fit.camera, start.metric_radius if known else np.inf)
        sigma = np.fmax(np.sqrt(np.diag(fit.covariance)), spread.sigma)
        coverage = camera_coverage(estimate, corners, fit.views)
        reasons = weaknesses(estimate, sigma, coverage, len(fit.views), fit.converged)
        if reasons:
            reasons = (*reasons, advice(coverage))
        elif prior is not None and (against := contradiction(estimate, prior)):
            reasons = (against, "if the images are right, calibrate without the factory's numbers")
    before = prior.sigma if prior is not None else np.full(12, np.nan)
    return IntrinsicsResult(
        camera=(known if prior is not None else None) if reasons else estimate,
        sigma=before if reasons else sigma,
        rms_px=fit.rms_px if fit else float("nan"),
        accepted=not reasons,
        reason=f"camera '{name}': {'; '.join(reasons)}" if reasons else "",
        coverage=coverage,
        model=chosen,
        held_out_px=spread.held_out_px,
        readout_s=readout_s,
        estimate=estimate,
        estimate_sigma=sigma,
        views=len(fit.views) if fit else 0,
        dropped=dropped | (fit.dropped if fit else {}),
    )


def _fit_for_use(views: Sequence[BoardView], size: tuple[int, int]) -> tuple[list[BoardView], dict[int, str]]:
    """Views inside the image, at most MOST_VIEWS, and what was left out."""
    dropped = {}
    inside = []
    for view in views:
        if len(view.q) and ((view.q < -0.5) | (view.q > np.array(size) - 0.5)).any():
            far = view.q.max(0)
            dropped[view.instant] = (
                f"corners up to ({far[0]:.0f}, {far[1]:.0f}) in images of {size[0]}x{size[1]} pixels"
            )
        else:
            inside.append(view)
    keep = np.unique(np.linspace(0, len(inside) - 1, min(MOST_VIEWS, len(inside))).round().astype(int))
    return [inside[n] for n in keep], dropped


def _known(name: str, camera: str | Camera, prior: IntrinsicsPrior | None, size: tuple[int, int]) -> Camera | None:
    if isinstance(camera, Camera):
        return camera.at(np.eye(4)) if prior is None else with_lens(camera.at(np.eye(4)), prior.mean)
    if prior is None:
        return None
    plain = Camera(name=name, K=np.diag([prior.mean[0], prior.mean[1], 1.0]), width=size[0], height=size[1])
    return with_lens(plain, prior.mean)


def _best(
    start: Camera,
    prior: IntrinsicsPrior | None,
    model: Literal["auto", "brown", "rational"],
    corners: Float[np.ndarray, "all 3"],
    views: Sequence[BoardView],
    robust: bool,
) -> tuple[LensFit | None, float, Spread, LensModel, str]:
    """The fit to take, its readout, spread and model; without one, why."""
    none = Spread(sigma=np.full(12, np.nan), held_out_px=float("inf"))
    if prior is not None:
        candidates: tuple[LensModel, ...] = ("rational" if np.any(prior.sigma[9:] > 0) else "brown",)
    else:
        candidates = ("brown", "rational") if model == "auto" else (model,)
    best: tuple[LensFit | None, float, Spread, LensModel, str] = (None, 0.0, none, candidates[0], "")
    for candidate in candidates:
        known = prior or free_prior(start, candidate)
        try:
            fit, readout_s = fit_moving_lens(start, known, corners, views, robust)
        except CalibrationError as error:
            best = (
                best if best[0] else (None, 0.0, none, candidate, str(error).removeprefix(f"camera '{start.name}': "))
            )
            continue
        if best[0] is not None and fit.rms_px > RATIONAL_GAIN * best[0].rms_px:
            continue  # what does not even fit better will not predict better
        spread = view_spread(fit, known, corners)
        if best[0] is None or spread.held_out_px < RATIONAL_GAIN * best[2].held_out_px:
            best = (fit, readout_s, spread, candidate, "")
    return best


def _bounded(camera: Camera, metric_radius: float) -> Camera:
    """The camera, its lens model ended where it folds back."""
    return replace(camera, metric_radius=min(turning_radius(camera.distortion), metric_radius))
