"""Calibration: an honest estimator scores well, a boastful and a timid one badly, and each in its own measure."""

import numpy as np
import pytest

from hps.errors import HpsError
from hps.metrics.calibration import (
    LEVELS,
    axis_coverage,
    ball_coverage,
    calibration_report,
    conformal_factor,
    conformal_radius_mm,
    ellipsoid_coverage,
    gaussian_nll,
    gaussian_nll_3d,
    sigma_bins,
    sparsification,
)

N = 40_000
SHARE = 4 * 0.5 / np.sqrt(N)  # four standard deviations of a share of N points


def _honest(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0.005, 0.06, N)
    return sigma[:, None] * rng.normal(size=(N, 3)), sigma


def test_honest_intervals_hold_what_they_say():
    error, sigma = _honest()
    assert axis_coverage(error, sigma) == pytest.approx(LEVELS, abs=SHARE)
    assert ball_coverage(error, sigma) == pytest.approx(LEVELS, abs=SHARE)
    covariance = sigma[:, None, None] ** 2 * np.eye(3)
    assert ellipsoid_coverage(error, covariance) == pytest.approx(ball_coverage(error, sigma), abs=1e-12)


def test_a_correlated_covariance_is_whitened():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(3, 3))
    error = rng.normal(size=(N, 3)) @ root.T
    covariance = np.broadcast_to(root @ root.T, (N, 3, 3))
    assert ellipsoid_coverage(error, covariance) == pytest.approx(LEVELS, abs=SHARE)
    alone = np.sqrt(np.trace(root @ root.T) / 3)
    assert abs(ball_coverage(error, np.full(N, alone))[0] - LEVELS[0]) > 2 * SHARE


@pytest.mark.parametrize(("factor", "direction"), [(0.5, -1), (2.0, 1)])
def test_boasting_and_timidity_are_seen_with_their_sign(factor, direction):
    error, sigma = _honest()
    assert (direction * (axis_coverage(error, factor * sigma) - LEVELS) > 0.04).all()
    honest, other = sigma_bins(error[:, 0], sigma), sigma_bins(error[:, 0], factor * sigma)
    assert other.ece > 5 * honest.ece
    assert other.relative == pytest.approx(abs(1 / factor - 1), rel=0.05)
    assert gaussian_nll(error, np.repeat(factor * sigma[:, None], 3, 1)) > gaussian_nll(
        error, np.repeat(sigma[:, None], 3, 1)
    )


def test_the_likelihood_in_three_dimensions_is_three_of_one():
    error, sigma = _honest()
    covariance = sigma[:, None, None] ** 2 * np.eye(3)
    assert gaussian_nll_3d(error, covariance) == pytest.approx(3 * gaussian_nll(error, np.repeat(sigma[:, None], 3, 1)))


def test_sparsification_ranks_perfect_useful_and_useless_doubt():
    rng = np.random.default_rng(2)
    error = rng.gamma(2.0, 10.0, 4000)
    perfect = sparsification(error, error**3)
    useful = sparsification(error, error + rng.normal(0, 15, 4000))
    useless = sparsification(error, rng.random(4000))
    assert perfect.ause == pytest.approx(0, abs=1e-12)
    assert perfect.relative_ause < useful.relative_ause < useless.relative_ause
    assert useless.relative_ause == pytest.approx(1, abs=0.1)
    assert useful.gain > 0
    assert useless.by_doubt[0] == pytest.approx(error.mean())
    assert (np.diff(perfect.by_error) <= 1e-9).all()


def test_equal_doubts_are_left_out_together():
    curve = sparsification(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4), steps=4)
    assert curve.by_doubt == pytest.approx([2.5, 2.5, 2.5, 2.5, 0.0])


def test_a_conformal_radius_holds_on_new_data_whatever_the_distribution():
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(200):
        sigma = rng.uniform(5, 50, 400)
        distance = sigma * rng.pareto(3.0, 400)  # not at all what sigma says
        factor = conformal_factor(distance[:200], sigma[:200])
        shares.append((distance[200:] <= factor * sigma[200:]).mean())
    assert np.mean(shares) == pytest.approx(0.9 + 0.5 / 201, abs=0.01)  # between 0.9 and 0.9 + 1/(n + 1)
    assert conformal_factor(np.arange(1.0, 10.0), np.ones(9)) == 9.0  # the largest of nine
    assert conformal_radius_mm(np.arange(1.0, 10.0), np.full(9, 2.0)) == pytest.approx(9.0)
    with pytest.raises(HpsError, match="at least 9 are needed"):
        conformal_factor(np.arange(8.0), np.ones(8))


def test_the_report_of_an_honest_estimator():
    error, sigma = _honest()
    error, sigma = error.reshape(-1, 20, 3), sigma.reshape(-1, 20)
    error[5, 3] = np.nan
    report = calibration_report(error, sigma)
    assert report.joints == N - 20  # the whole sample is left out
    assert report.coverage["90"] == pytest.approx(0.9, abs=SHARE)
    assert report.conformal_factor_90 == pytest.approx(2.50, abs=0.03)  # sqrt of the chi2 quantile with 3 degrees
    assert report.ece_mm < 1.0
    assert report.pearson > 0.5
    assert report.relative_ause < 0.6
    assert len(report.bins.count) == 15


def test_constant_sigma_has_no_correlation():
    error, _ = _honest()
    report = calibration_report(error[:100, None], np.full((100, 1), 0.03))
    assert np.isnan(report.pearson)
    assert np.isfinite(report.ece_mm)


def test_zeros_are_not_a_sigma():
    with pytest.raises(HpsError, match="1 of 3 stated deviations are not positive"):
        sigma_bins(np.ones(3), np.array([1.0, 0.0, 2.0]))
    with pytest.raises(HpsError, match="needs a method that states sigma"):
        calibration_report(np.zeros((2, 24, 3)), np.full((2, 24), np.nan))
