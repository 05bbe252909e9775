"""Clocks of virtual devices: the faults that were asked for, the same from one seed, and no wrong pair in them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from capture.errors import CaptureError
from capture.frame_sets import HOLE
from capture.synchronisation import frame_sets
from capture.virtual.clocks import ClockEffects, draw_clocks, write_clocks

WIRED = [f"kinect_{k:03d}" for k in range(10)]
PULSES = np.rint(np.arange(900) * 33333.33).astype(np.int64)
TROUBLE = ClockEffects(drop_rate=0.02, burst_rate=0.002, stall_device="kinect_007", stall_at_s=8.0, stall_s=3.0)


def recorded(clocks, kinds=("color", "depth"), pulses=PULSES):
    """What arrives of each stream: device times, configured delays, and the true frame of each."""
    times, delays, truth = {}, {}, {}
    for name, clock in clocks.items():
        for kind in kinds:
            frames = clock.frames(kind, pulses)
            times[f"{name}/{kind}"] = frames.device_us[frames.delivered]
            delays[f"{name}/{kind}"] = clock.delay_us(kind)
            truth[f"{name}/{kind}"] = np.flatnonzero(frames.delivered)
    return times, delays, truth


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), jitter=st.sampled_from([0, 6, 100]), drops=st.floats(0, 0.3))
def test_wired_devices_pair_without_a_wrong_one(seed, jitter, drops):
    effects = replace(TROUBLE, jitter_us=jitter, drop_rate=drops)
    times, delays, truth = recorded(draw_clocks(WIRED, effects=effects, seed=seed))
    sets = frame_sets(times, delays_us=delays, master="kinect_000/color", rate_hz=30.0)
    wrong = sum(len({truth[s][i] for s, i in instant.index.items() if i != HOLE}) != 1 for instant in sets.instants)
    assert wrong == 0
    assert sets.figures()["unused_frames"] == 0
    # one frame's jitter and the pulse's own, each clipped to five sigma, and rounding to a microsecond
    assert sets.figures()["residual_max_us"] <= 10 * jitter + 2


def test_pairs_by_position_would_be_wrong():
    """The faults are real ones: counting frames fails on them."""
    _, _, truth = recorded(draw_clocks(WIRED, effects=TROUBLE, seed=1))
    shortest = min(len(t) for t in truth.values())
    counted = np.stack([t[:shortest] for t in truth.values()])
    assert (counted != counted[0]).any(0).mean() > 0.9


def test_shares_of_lost_frames():
    effects = ClockEffects(drop_rate=0.02, start_frames=0)
    pulses = np.arange(100_000) * 33333
    (clock,) = draw_clocks(["k"], effects=effects, seed=0).values()
    lost = 1 - clock.frames("color", pulses).delivered.mean()
    assert abs(lost - 0.02) < 4 * np.sqrt(0.02 * 0.98 / len(pulses))  # four sigma of a binomial
    (bursts,) = draw_clocks(["k"], effects=ClockEffects(burst_rate=0.001, burst_frames=7), seed=0).values()
    gaps = np.flatnonzero(np.diff(np.flatnonzero(bursts.frames("color", pulses).delivered)) > 1)
    length = np.diff(np.flatnonzero(bursts.frames("color", pulses).delivered))[gaps] - 1
    assert np.median(length) == 7
    assert length.min() == 7


def test_a_stall_is_a_hole_of_its_length():
    effects = ClockEffects(stall_device="b", stall_at_s=5.0, stall_s=2.0, start_frames=0)
    clocks = draw_clocks(["a", "b"], effects=effects, seed=0)
    kept = {name: clock.frames("color", PULSES).delivered for name, clock in clocks.items()}
    assert kept["a"].all()
    assert np.array_equal(np.flatnonzero(~kept["b"]), np.flatnonzero((PULSES >= 5_000_000) & (PULSES < 7_000_000)))


def test_wired_clocks_are_one_and_free_clocks_their_own():
    clocks = draw_clocks(WIRED[:3], ["iphone", "realsense"], effects=ClockEffects(jitter_us=5), seed=4)
    assert {c.clock for c in clocks.values()} == {"pulse", "iphone", "realsense"}
    for k, name in enumerate(WIRED[:3]):
        assert clocks[name].delay_us("depth") == 160 * k
        assert clocks[name].delay_us("color") == 0
        assert (clocks[name].offset_us, clocks[name].skew_ppm) == (
            clocks[WIRED[0]].offset_us,
            clocks[WIRED[0]].skew_ppm,
        )
    for name in ("iphone", "realsense"):
        frames = clocks[name].frames("color", np.arange(36_000) * 16667)
        rate, start = np.polyfit(frames.exposed_us, frames.device_us, 1)
        assert abs(1e6 * (rate - 1) - clocks[name].skew_ppm) < 0.01  # 5 us of jitter over ten minutes
        assert abs(start - clocks[name].offset_us) < 1
        assert clocks[name].offset_us != clocks[WIRED[0]].offset_us


def test_arrival_is_after_exposure_and_in_order():
    (clock,) = draw_clocks(["k"], effects=ClockEffects(latency_spread_ms=30), seed=0).values()
    frames = clock.frames("depth", PULSES)
    assert (frames.arrived_us - frames.exposed_us >= 31_000).all()
    assert (np.diff(frames.arrived_us) >= 0).all()
    assert abs(np.median(frames.arrived_us - frames.exposed_us) - 31_000) > 10_000


def test_the_same_seed_gives_the_same_and_neighbours_do_not_matter():
    effects = replace(TROUBLE, stall_device=None)
    few, many = (draw_clocks(WIRED[:n], effects=effects, seed=3) for n in (2, 10))
    a, b = (clocks["kinect_001"].frames("depth", PULSES) for clocks in (few, many))
    assert np.array_equal(a.device_us, b.device_us)
    assert np.array_equal(a.delivered, b.delivered)
    other = draw_clocks(WIRED[:2], effects=effects, seed=5)["kinect_001"].frames("depth", PULSES)
    assert not np.array_equal(a.delivered, other.delivered)


def test_quiet_clocks_change_nothing():
    clocks = draw_clocks(WIRED, effects=ClockEffects.quiet(), seed=0)
    for clock in clocks.values():
        frames = clock.frames("depth", PULSES)
        assert np.array_equal(frames.device_us, PULSES)
        assert frames.delivered.all()


def test_the_truth_is_written(tmp_path):
    clocks = draw_clocks(["a"], ["b"], effects=ClockEffects(stall_device="b"), seed=0)
    write_clocks(tmp_path / "truth" / "clocks.json", clocks)
    found = json.loads((tmp_path / "truth" / "clocks.json").read_text())
    assert found["a"]["stall_us"] is None
    assert found["b"]["stall_us"] == [1_000_000, 4_000_000]
    assert found["b"]["skew_ppm"] == clocks["b"].skew_ppm
    assert found["a"]["effects"]["jitter_us"] == 6.0


def test_bad_input():
    with pytest.raises(CaptureError, match="device 'a' has two clocks"):
        draw_clocks(["a"], ["a"], effects=ClockEffects(), seed=0)
    with pytest.raises(CaptureError, match="stall_device 'x' is not in this rig; it has a, b"):
        draw_clocks(["a"], ["b"], effects=ClockEffects(stall_device="x"), seed=0)
    (clock,) = draw_clocks(["a"], effects=ClockEffects(), seed=0).values()
    with pytest.raises(CaptureError, match="a/color: exposure times must increase"):
        clock.frames("color", np.array([0, 5, 5]))
    with pytest.raises(ValidationError):
        ClockEffects(drop_rate=1.5)
