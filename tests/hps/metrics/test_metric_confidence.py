"""Confidence: known answers by hand, every pair compared one by one, and an honest method that is found honest."""

import numpy as np
import pytest

from hps.errors import HpsError
from hps.metrics.calibration import brier_score, confidence_bins, failure_auroc


def test_by_hand():
    confidence = np.array([0.95, 0.9, 0.9, 0.3, 0.25, 1.0])
    failed = np.array([False, False, True, True, False, False])
    # right 0.95, 0.9, 0.25, 1.0 against failed 0.9 (wins 2, one tie) and 0.3 (wins 3)
    assert failure_auroc(confidence, failed) == pytest.approx(5.5 / 8, abs=1e-12)
    bins = confidence_bins(confidence, failed)
    np.testing.assert_array_equal(bins.count, [1, 1, 4])
    np.testing.assert_allclose(bins.stated, [0.25, 0.3, 0.9375], atol=1e-12)
    np.testing.assert_allclose(bins.true, [1.0, 0.0, 0.75], atol=1e-12)
    assert bins.ece == pytest.approx((0.75 + 0.3 + 4 * 0.1875) / 6, abs=1e-12)
    squares = [0.05**2, 0.1**2, 0.9**2, 0.3**2, 0.75**2, 0.0]
    assert brier_score(confidence, failed) == pytest.approx(sum(squares) / 6, abs=1e-12)


def test_as_pairs_and_bins_taken_one_by_one():
    rng = np.random.default_rng(0)
    confidence = rng.integers(0, 21, 300) / 20  # many ties, and values on the edges of bins
    failed = rng.random(300) > 0.3 + 0.5 * confidence
    wins = [
        1.0 if right > wrong else 0.5 if right == wrong else 0.0
        for right in confidence[~failed]
        for wrong in confidence[failed]
    ]
    assert failure_auroc(confidence, failed) == pytest.approx(np.mean(wins), abs=1e-12)
    off = 0.0
    for low in range(10):
        inside = [k for k, value in enumerate(confidence) if (low <= 10 * value < low + 1) or (low == 9 and value == 1)]
        if inside:
            off += abs(sum(confidence[inside]) - sum(1 - failed[inside]))
    assert confidence_bins(confidence, failed).ece == pytest.approx(off / 300, abs=1e-12)


def test_honest_confidence_is_found_honest_and_boasting_is_not():
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0, 1, 40_000)
    failed = rng.random(40_000) > confidence
    # each bin's share has a deviation of at most 0.5 / sqrt(4000) = 0.008
    assert confidence_bins(confidence, failed).ece < 0.01
    assert failure_auroc(confidence, failed) == pytest.approx(5 / 6, abs=0.01)  # of uniform, honest confidence
    assert brier_score(confidence, failed) == pytest.approx(1 / 6, abs=0.005)
    boast = 1 - (1 - confidence) / 4
    assert confidence_bins(boast, failed).ece == pytest.approx(0.375, abs=0.01)
    assert failure_auroc(boast, failed) == failure_auroc(confidence, failed)  # the order is the same


def test_chance_certainty_and_what_cannot_be_told():
    failed = np.array([True, False] * 50)
    assert failure_auroc(np.full(100, 0.7), failed) == 0.5
    assert failure_auroc(1.0 - failed, failed) == 1.0
    assert np.isnan(failure_auroc(np.full(100, 0.7), np.zeros(100, bool)))
    for wrong in (1.2, -0.1, np.nan):
        with pytest.raises(HpsError, match="1 of 2 confidences are not between 0 and 1"):
            confidence_bins(np.array([0.5, wrong]), failed[:2])
    with pytest.raises(HpsError, match="at least one"):
        brier_score(np.zeros(0), np.zeros(0, bool))
