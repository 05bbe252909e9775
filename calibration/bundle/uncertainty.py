"""How sure cameras and lenses are at the minimum of a bundle problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.bundle.layout import Layout
from calibration.bundle.minimise import Linearised
from calibration.bundle.problem import INTRINSICS
from calibration.bundle.reduction import eliminate
from calibration.bundle.state import free_numbers
from calibration.errors import CalibrationError

UNDETERMINED = 1e-14
"""Least eigenvalue of the information matrix, scaled to a unit diagonal, that double precision can tell from zero."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Uncertainty:
    """Joint covariance of every camera's 18 numbers."""

    covariance: Float[np.ndarray, "all all"]
    sigma_scale: float
    """How much larger the residuals are than their sigmas."""


def uncertainty(at: Linearised, layout: Layout, robust_px: float) -> Uncertainty:
    """The covariance at a minimum.

    The views' part of the information was weighted by sigmas that may have been too small; then the estimate spreads
    as H^-1 (s² D + P) H^-1 with H = D + P, D from the views and P from the priors. Raises CalibrationError where
    something is not determined, naming it.
    """
    free = free_numbers(at.state, layout)
    taken, _, _ = eliminate(at.equations, layout, 0.0)
    data = free.T @ (at.equations.cameras - taken) @ free
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
    known = 2 * len(layout.q) - 6 * len(layout.instants) - float((inverse * data).sum())
    if known < 1:
        raise CalibrationError(
            f"{2 * len(layout.q)} coordinates for {6 * len(layout.instants)} numbers of the boards' places and "
            f"{len(whole)} of the cameras: nothing is left to judge by; record more views"
        )
    whitened = at.terms.residual / np.repeat(layout.sigma_px, np.diff(layout.first))[:, None]
    sigma_scale = float(np.sqrt((at.terms.weight[:, None] * whitened**2).sum() / known))
    inflated = max(sigma_scale, 1.0) ** 2
    spread = inverse @ (inflated * data + prior) @ inverse
    return Uncertainty(covariance=free @ spread @ free.T, sigma_scale=sigma_scale)


def _undetermined(direction: np.ndarray, free: object, layout: Layout) -> str:
    """What a direction of the free numbers moves most, in words."""
    moved = np.abs(free @ direction)  # pyright: ignore[reportOperatorIssue]
    camera, number = divmod(int(moved.argmax()), 18)
    what = "place" if number < 6 else f"lens number {INTRINSICS[number - 6]}"
    return (
        f"camera '{layout.names[camera]}': its views do not determine its {what}; "
        "record more views of the board, or give a prior with a finite sigma"
    )
