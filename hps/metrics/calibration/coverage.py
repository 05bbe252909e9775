"""How often the truth lies within the intervals that an estimator states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy import stats

LEVELS: Final = (0.50, 0.68, 0.90, 0.95)
"""Of the intervals: the share of the truth that each should hold."""
CURVE_POINTS: Final = 100


def axis_coverage(
    error: Float[np.ndarray, "*points 3"], sigma: Float[np.ndarray, "*points"], levels: Sequence[float] = LEVELS
) -> Float[np.ndarray, "levels"]:
    """Share of coordinates within the central interval of each level; each axis of each point counts as one.

    error: estimate minus truth. sigma: standard deviation along any one axis, in the same unit.
    """
    z = np.abs(error) / np.asarray(sigma)[..., None]
    return np.array([(z <= stats.norm.ppf(0.5 + level / 2)).mean() for level in levels])


def ball_coverage(
    error: Float[np.ndarray, "*points 3"], sigma: Float[np.ndarray, "*points"], levels: Sequence[float] = LEVELS
) -> Float[np.ndarray, "levels"]:
    """Share of points whose true place is within the ball of each level around the estimate."""
    distance = np.linalg.norm(error, axis=-1) / np.asarray(sigma)
    return np.array([(distance <= np.sqrt(stats.chi2.ppf(level, 3))).mean() for level in levels])


def ellipsoid_coverage(
    error: Float[np.ndarray, "*points 3"],
    covariance: Float[np.ndarray, "*points 3 3"],
    levels: Sequence[float] = LEVELS,
) -> Float[np.ndarray, "levels"]:
    """The same with the ellipsoid of a whole covariance; any dimension that error and covariance share."""
    white = np.linalg.solve(np.asarray(covariance, np.float64), np.asarray(error, np.float64)[..., None])[..., 0]
    squared = (white * error).sum(-1)
    return np.array([(squared <= stats.chi2.ppf(level, np.shape(error)[-1])).mean() for level in levels])


def calibration_curve(
    error: Float[np.ndarray, "values"], sigma: Float[np.ndarray, "values"], points: int = CURVE_POINTS
) -> tuple[Float[np.ndarray, "points"], Float[np.ndarray, "points"]]:
    """Shares that central intervals should hold, 0 to 1, and those that they hold (Kuleshov 2018, Chung 2021)."""
    expected = np.linspace(0.0, 1.0, points)
    z = np.sort(np.abs(error) / sigma)
    return expected, np.searchsorted(z, stats.norm.ppf(0.5 + expected / 2), side="right") / len(z)


def mean_calibration_error(
    error: Float[np.ndarray, "values"], sigma: Float[np.ndarray, "values"], points: int = CURVE_POINTS
) -> float:
    """Mean distance of the calibration curve from the diagonal: the ECE of uncertainty-toolbox, between 0 and 0.5."""
    expected, observed = calibration_curve(error, sigma, points)
    return float(np.abs(expected - observed).mean())
