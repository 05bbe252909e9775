"""Jumps are rejected, fast motion is not; short gaps are bridged and say that they are uncertain."""

import numpy as np

from registration.keypoints.temporal import TemporalOptions, bridge_gaps, reject_jumps

RATE = 30.0
T = 60
TIME_S = np.arange(T) / RATE
SIGMA = np.full((T, 1), 0.01)


def swing(amplitude=0.4, hz=1.5):
    """A hand that swings: up to 36 m/s² with these numbers."""
    phase = 2 * np.pi * hz * TIME_S
    return np.stack([amplitude * np.sin(phase), amplitude * np.cos(phase), 0 * phase], -1)[:, None]


def test_jumps_are_rejected_and_motion_is_not():
    rng = np.random.default_rng(0)
    p = swing() + rng.normal(0, 0.01, (T, 1, 3))
    assert not reject_jumps(p, SIGMA, TIME_S).any()
    p[[10, 31]] += [0.5, 0.3, 0]
    np.testing.assert_array_equal(np.flatnonzero(reject_jumps(p, SIGMA, TIME_S)), [10, 31])


def test_the_ends_are_left_alone():
    p = swing()
    p[0] += 1.0
    assert not reject_jumps(p, SIGMA, TIME_S)[0, 0]  # what came before is unknown


def test_short_gaps_are_bridged_with_honest_sigmas():
    p = swing()
    gap = np.arange(20, 25)
    with_gap = p.copy()
    with_gap[gap] = np.nan
    sigma = np.where(np.isnan(with_gap[..., 0]), np.nan, SIGMA)
    filled, filled_sigma = bridge_gaps(with_gap, sigma, TIME_S)
    error = np.linalg.norm(filled - p, axis=-1)[gap, 0]
    assert (error < 2 * filled_sigma[gap, 0]).all()
    assert (filled_sigma[gap, 0] > 0.01).all()
    assert filled_sigma[22, 0] == filled_sigma[gap, 0].max()
    keep = np.setdiff1d(np.arange(T), gap)
    np.testing.assert_array_equal(filled[keep], p[keep])


def test_long_gaps_and_ends_stay():
    p = swing()
    p[:3] = p[20:40] = p[-2:] = np.nan
    filled, sigma = bridge_gaps(p, np.where(np.isnan(p[..., 0]), np.nan, SIGMA), TIME_S)
    np.testing.assert_array_equal(filled, p)
    np.testing.assert_array_equal(np.isnan(sigma), np.isnan(p[..., 0]))
    none, _ = bridge_gaps(p, SIGMA, TIME_S, TemporalOptions(max_gap_s=0.0))
    np.testing.assert_array_equal(none, p)


def test_one_instant_is_no_track():
    assert not reject_jumps(np.zeros((1, 2, 3)), np.ones((1, 2)), np.zeros(1)).any()
