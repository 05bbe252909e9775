"""How sure cameras and lenses are at the minimum of a bundle problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import erfc

from calibration.bundle.layout import Layout
from calibration.bundle.minimise import Linearised
from calibration.bundle.problem import INTRINSICS
from calibration.bundle.reduction import eliminate
from calibration.bundle.shared_errors import shared_errors
from calibration.bundle.state import CAMERA_NUMBERS, free_numbers
from calibration.errors import CalibrationError

UNDETERMINED = 1e-14
"""Least eigenvalue of the information matrix, scaled to a unit diagonal, that double precision can tell from zero."""

OWN_NAMES = (*(f"lens number {name}" for name in INTRINSICS), "exposure's offset", "exposure's readout")
ENOUGH = 400
"""Coordinates that give the size of residuals to 4 %; with fewer, sigmas are not believed to be smaller than told."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Uncertainty:
    """Joint covariance of every camera's 20 numbers."""

    covariance: Float[np.ndarray, "all all"]
    sigma_scale: float
    """How much larger the residuals are than their sigmas."""
    shift_px: float
    """Deviation of the shift along an axis that the corners of a view share."""
    stretch_px: float
    """Deviation of each of the four linear errors that they share."""


def uncertainty(at: Linearised, layout: Layout, robust_px: float) -> Uncertainty:
    """The covariance at a minimum.

    The views' part of the information was weighted by sigmas that may have been wrong, and as if the errors of
    corners were independent. The estimate spreads as H^-1 (s² D + C + P) H^-1 with H = D + P: D from the views, P from
    the priors, C from errors that a view's corners share. Raises CalibrationError where something is not determined,
    naming it.
    """
    free = free_numbers(at.state, layout)
    boards = eliminate(at.equations, layout, 0.0)
    data = free.T @ (at.equations.cameras - boards.matrix) @ free
    prior = free.T @ at.priors.information @ free
    whole = data + prior
    diagonal = np.diag(free.T @ (at.equations.cameras + at.priors.information) @ free)
    if not (diagonal > 0).all():
        raise CalibrationError(_undetermined((diagonal <= 0).astype(np.float64), free, layout))
    scale = np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(whole / np.outer(scale, scale))
    if values[0] < UNDETERMINED:
        raise CalibrationError(_undetermined(vectors[:, 0], free, layout))
    inverse = (vectors / values) @ vectors.T / np.outer(scale, scale)
    known = 2 * len(layout.q) - boards.determined - float((inverse * data).sum())
    if known < 1:
        raise CalibrationError(
            f"{2 * len(layout.q)} coordinates for {boards.determined} numbers of the boards' places and "
            f"{len(whole)} of the cameras: nothing is left to judge by; record more views"
        )
    whitened = at.terms.residual / np.repeat(layout.sigma_px, np.diff(layout.first))[:, None]
    squares = float((at.terms.weight[:, None] * whitened**2).sum())
    shared = shared_errors(at, layout, robust_px, free, inverse, boards.inverses, known, squares)
    cut = _cut_by_loss(robust_px / np.median(layout.sigma_px), shared.corner_variance)
    corner = shared.corner_variance / cut
    right = (corner if known > ENOUGH else max(corner, 1.0)) * data + prior + shared.spread
    return Uncertainty(
        covariance=free @ (inverse @ right @ inverse) @ free.T,
        sigma_scale=float(np.sqrt(squares / known / cut)),
        shift_px=shared.shift_px,
        stretch_px=shared.stretch_px,
    )


def _cut_by_loss(threshold: float, variance: float) -> float:
    """What Huber's weights leave of the mean square of normal residuals: E[w r²] / 2 of two coordinates.

    `threshold` is the loss's beginning in sigmas as told, `variance` the cut variance in units of these squared.
    """
    cut = 1.0
    for _ in range(10):
        k = threshold / np.sqrt(max(variance / cut, 1e-12))
        cut = float(1 - np.exp(-(k**2) / 2) + k * np.sqrt(np.pi / 8) * erfc(k / np.sqrt(2))) if np.isfinite(k) else 1.0
    return cut


def _undetermined(direction: np.ndarray, free: object, layout: Layout) -> str:
    """What a direction of the free numbers moves most, in words."""
    moved = np.abs(free @ direction)  # pyright: ignore[reportOperatorIssue]
    camera, number = divmod(int(moved.argmax()), CAMERA_NUMBERS)
    what = "place" if number < 6 else OWN_NAMES[number - 6]
    return (
        f"camera '{layout.names[camera]}': its views do not determine its {what}; "
        "record more views of the board, or give a prior with a finite sigma"
    )
