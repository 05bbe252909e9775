"""Whether an estimator is as sure of itself as it may be."""

from hps.metrics.calibration.confidence import ConfidenceBins, brier_score, confidence_bins, failure_auroc
from hps.metrics.calibration.conformal import conformal_factor, conformal_radius_mm
from hps.metrics.calibration.coverage import (
    LEVELS,
    axis_coverage,
    ball_coverage,
    calibration_curve,
    ellipsoid_coverage,
    mean_calibration_error,
)
from hps.metrics.calibration.likelihood import gaussian_nll, gaussian_nll_3d
from hps.metrics.calibration.report import CalibrationReport, calibration_report
from hps.metrics.calibration.sigma_bins import SigmaBins, crowded_edges, even_edges, sigma_bins
from hps.metrics.calibration.sparsification import Sparsification, sparsification

__all__ = [
    "LEVELS",
    "CalibrationReport",
    "ConfidenceBins",
    "SigmaBins",
    "Sparsification",
    "axis_coverage",
    "ball_coverage",
    "brier_score",
    "calibration_curve",
    "calibration_report",
    "confidence_bins",
    "conformal_factor",
    "conformal_radius_mm",
    "crowded_edges",
    "ellipsoid_coverage",
    "even_edges",
    "failure_auroc",
    "gaussian_nll",
    "gaussian_nll_3d",
    "mean_calibration_error",
    "sigma_bins",
    "sparsification",
]
