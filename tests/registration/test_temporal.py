"""Jumps are rejected, fast motion is not; gaps that are short enough to be bridged are found."""

import numpy as np

from registration.keypoints.temporal import bridged, reject_jumps

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


def test_short_gaps_are_found_and_long_ones_and_ends_are_not():
    known = np.ones((T, 2), bool)
    known[:3, 0] = known[20:25, 0] = known[40:58, 0] = False
    expected = np.zeros((T, 2), bool)
    expected[20:25, 0] = True
    np.testing.assert_array_equal(bridged(known, TIME_S, 0.25), expected)
    assert not bridged(known, TIME_S, 0.0).any()


def test_one_instant_is_no_track():
    assert not reject_jumps(np.zeros((1, 2, 3)), np.ones((1, 2)), np.zeros(1)).any()
