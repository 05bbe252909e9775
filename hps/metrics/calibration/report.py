"""Everything that is said of an estimator's joint uncertainties, in one value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from hps.errors import HpsError
from hps.metrics.calibration.conformal import conformal_factor
from hps.metrics.calibration.coverage import LEVELS, axis_coverage, ball_coverage, mean_calibration_error
from hps.metrics.calibration.likelihood import gaussian_nll
from hps.metrics.calibration.sigma_bins import SigmaBins, sigma_bins
from hps.metrics.calibration.sparsification import Sparsification, sparsification


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CalibrationReport:
    """Of joints whose sigma is along any one axis."""

    joints: int
    """Joints of all clouds together."""
    sigma_mm: float
    """Median of the stated deviations."""
    rms_mm: float
    """Of the true errors along one axis."""
    coverage: dict[str, float]
    """Level in percent → share of coordinates within that interval."""
    ball: dict[str, float]
    """Level in percent → share of joints within that ball."""
    ece_mm: float
    """Over bins of equal count of sigma."""
    ence: float
    calibration_error: float
    """Mean distance of the calibration curve from the diagonal."""
    nll: float
    """Nats for one coordinate in metres."""
    pearson: float
    """Correlation of sigma with the joint's distance from the truth; NaN where sigma never changes."""
    spearman: float
    ause_mm: float
    relative_ause: float
    conformal_factor_90: float
    """What sigma must be multiplied with to hold 90 % of these joints; 2.50 for true Gaussians."""
    bins: SigmaBins
    """Millimetres."""
    curve: Sparsification
    """Millimetres."""


def calibration_report(
    error: Float[np.ndarray, "samples joints 3"], sigma: Float[np.ndarray, "samples joints"]
) -> CalibrationReport:
    """The report on some samples. Both in metres; error: estimate minus truth.

    Samples without an answer (NaN error) are left out; the failures say how many they are. Raises HpsError when no
    sample has one, or for a sigma that is not positive.
    """
    answered = np.isfinite(error).all((1, 2)) & np.isfinite(sigma).all(1)
    if not answered.any():
        raise HpsError("no sample has both an error and a sigma; calibration needs a method that states sigma")
    error = np.asarray(error, np.float64)[answered].reshape(-1, 3)
    sigma = np.asarray(sigma, np.float64)[answered].reshape(-1)
    distance = np.linalg.norm(error, axis=-1)
    along = np.repeat(sigma, 3)
    bins = sigma_bins(1000 * error.ravel(), 1000 * along)
    curve = sparsification(1000 * distance, sigma)
    varies = bool(np.ptp(sigma) > 0 and np.ptp(distance) > 0)
    return CalibrationReport(
        joints=len(sigma),
        sigma_mm=1000 * float(np.median(sigma)),
        rms_mm=1000 * float(np.sqrt((error**2).mean())),
        coverage=_by_level(axis_coverage(error, sigma)),
        ball=_by_level(ball_coverage(error, sigma)),
        ece_mm=bins.ece,
        ence=bins.relative,
        calibration_error=mean_calibration_error(error.ravel(), along),
        nll=gaussian_nll(error.ravel(), along),
        pearson=float(np.corrcoef(sigma, distance)[0, 1]) if varies else float("nan"),
        spearman=float(np.corrcoef(stats.rankdata(sigma), stats.rankdata(distance))[0, 1]) if varies else float("nan"),
        ause_mm=curve.ause,
        relative_ause=curve.relative_ause,
        conformal_factor_90=conformal_factor(distance, sigma) if len(sigma) >= 9 else float("nan"),
        bins=bins,
        curve=curve,
    )


def _by_level(shares: np.ndarray) -> dict[str, float]:
    return {f"{100 * level:.0f}": float(share) for level, share in zip(LEVELS, shares)}
