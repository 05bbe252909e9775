"""Clocks fitted to each other: one-sided latency, drops, stalls, bursts of late frames, networks, resets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import CaptureError
from capture.sync.clock_fit import fit_arrivals
from capture.sync.clock_segments import clock_resets, comparable, segments
from capture.sync.exchange_fit import fit_comparisons
from capture.virtual.clock_trials import phone_trial

LATENCY_US = 31_000


def arrivals(seed, seconds, *, skew_ppm=0.0, late_burst=False):
    """Device times and arrivals of frames at 30 Hz with 2 % drops, and the true time of each frame."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * 30)) * 1e6 / 30
    t = t[rng.random(len(t)) >= 0.02]
    if seconds > 10:
        t = t[(t < 4e6) | (t > 7e6)]  # a stall of 3 s
    host = t + LATENCY_US + rng.exponential(1500, len(t))
    if late_burst:  # the host takes nothing for two seconds
        at = 0.6e6 * seconds
        host = np.where((host > at) & (host < at + 2e6), at + 2e6, host)
    device = 3e8 * rng.random() + t * (1 + 1e-6 * skew_ppm) + 6 * rng.standard_normal(len(t))
    return np.rint(device).astype(np.int64), np.rint(host).astype(np.int64), t


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), skew=st.floats(-60, 60), burst=st.booleans())
def test_a_minute_of_arrivals_tells_offset_and_skew(seed, skew, burst):
    device, host, t = arrivals(seed, 60, skew_ppm=skew, late_burst=burst)
    fit = fit_arrivals(device, host)
    error = fit.host_us(device.astype(np.float64)) - t - LATENCY_US
    # the fastest of 30 arrivals that are 1.5 ms late in the mean is 50 us late
    assert -50 < error.min() <= error.max() < 250
    assert fit.skew_ppm == pytest.approx(skew, abs=3)
    assert clock_resets(device, host) == []


def test_errors_match_the_stated_sigmas():
    scores = []
    for seed in range(60):
        device, host, _ = arrivals(seed, 60, skew_ppm=10)
        fit = fit_arrivals(device, host)
        scores.append((fit.skew_ppm - 10) / fit.skew_sigma_ppm)
    assert 0.6 < np.std(scores) < 1.5  # 60 draws of a unit normal have a spread of 0.1; the weights are robust ones
    assert abs(np.mean(scores)) < 0.6


def test_there_and_back():
    fit = fit_arrivals(*arrivals(0, 20, skew_ppm=40)[:2])
    times = np.array([1e8, 2e8])
    assert fit.device_us(fit.host_us(times)) == pytest.approx(times, abs=1e-3)


def test_a_few_frames_leave_the_skew_to_the_prior():
    device, host, t = arrivals(1, 0.3, skew_ppm=0)
    fit = fit_arrivals(device, host)
    assert abs(fit.skew_ppm) < 60
    assert fit.skew_sigma_ppm > 20
    assert np.abs(fit.host_us(device.astype(np.float64)) - t - LATENCY_US).max() < 3000
    assert fit_arrivals(device[:1], host[:1]).offset_us == host[0] - device[0]
    with pytest.raises(CaptureError, match="without a frame"):
        fit_arrivals(device[:0], host[:0])


def test_five_minutes_over_a_network():
    """Both bounds are what a phone must reach: 1 ms, and 2 ppm after five minutes."""
    trials = [phone_trial(seed, seconds=300.0) for seed in range(10)]
    assert max(t["offset_error_us"] for t in trials) < 1000
    assert max(t["skew_error_ppm"] for t in trials) < 2
    with pytest.raises(CaptureError, match="no exchange"):
        fit_comparisons(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    at=st.lists(st.integers(1, 9), max_size=3, unique=True),
    jump_s=st.sampled_from([-1000.0, -2.0, -0.05, 0.05, 1.0, 500.0]),
)
def test_resets_are_found_where_they_are(seed, at, jump_s):
    device, host, t = arrivals(seed, 60)
    frames = sorted(int(np.searchsorted(t, 6e6 * tenth)) for tenth in at)
    for frame in frames:
        device[frame:] += round(1e6 * jump_s)
    found = clock_resets(device, host)
    assert [reset.frame for reset in found] == frames
    for reset in found:
        assert reset.jump_us == pytest.approx(1e6 * jump_s, abs=1500)  # two fastest of many late frames
    assert [part.start for part in segments(len(device), found)] == [0, *frames]


def test_a_copy_of_the_device_times_tells_nothing():
    times = np.arange(10) * 1000
    assert not comparable(times, times)
    assert not comparable(times, np.zeros(10, np.int64))
    assert not comparable(times[:0], times[:0])
    assert comparable(times, times + 5)
