"""Frame sets: no wrong pair under drops, stalls, jitter and delays, whoever the master is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import CaptureError
from capture.frame_sets import HOLE
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.synchronisation import frame_sets, session_frame_sets

PERIOD = 33333.07  # not the nominal 33333.33: a device's own quartz
JITTER_US = 6.0


def rig(seed, devices=4, pulses=900, drops=0.02, stalls=1, master_drops=True, late=0):
    """Device times and the true pulse of each frame."""
    rng = np.random.default_rng(seed)
    times, truth, delays = {}, {}, {}
    for d in range(devices):
        name = f"kinect_{d:03d}/depth"
        delays[name] = 160 * d
        keep = rng.random(pulses) >= drops
        if d == devices - 1:
            for _ in range(stalls):
                start = rng.integers(0, pulses - 90)
                keep[start : start + 90] = False
        if d == 0 and not master_drops:
            keep[:] = True
        if d == 0 and late:
            keep[:late] = False
        keep[pulses // 2] = True
        t = np.arange(pulses) * PERIOD + delays[name] + 65_000 + np.clip(rng.normal(0, JITTER_US, pulses), -50, 50)
        times[name], truth[name] = np.rint(t[keep]).astype(np.int64), np.flatnonzero(keep)
    return times, truth, delays


def wrong_pairs(sets, truth):
    """Instants whose frames are not all of one pulse."""
    return sum(len({truth[s][i] for s, i in instant.index.items() if i != HOLE}) != 1 for instant in sets.instants)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    drops=st.floats(0, 0.4),
    stalls=st.integers(0, 3),
    late=st.sampled_from([0, 0, 1, 200]),
    rate=st.sampled_from([None, 30.0]),
)
def test_no_wrong_pair_and_no_frame_lost(seed, drops, stalls, late, rate):
    times, truth, delays = rig(seed, pulses=400, drops=drops, stalls=stalls, late=late)
    sets = frame_sets(times, delays_us=delays, master="kinect_000/depth", rate_hz=rate)
    assert wrong_pairs(sets, truth) == 0
    assert len(sets.instants) == len(set(np.concatenate(list(truth.values())).tolist()))
    assert sets.figures()["unused_frames"] == 0
    for summary in sets.streams:
        assert summary.residual_max_us < 110  # two clipped jitters of 50 us, and their rounding
        assert summary.holes == len(sets.instants) - len(times[summary.stream])


def test_ten_devices_for_ten_minutes():
    times, truth, delays = rig(0, devices=10, pulses=18_000)
    sets = frame_sets(times, delays_us=delays, master="kinect_000/depth", rate_hz=30.0)
    assert wrong_pairs(sets, truth) == 0
    assert len(sets.instants) == 18_000
    assert sets.period_us == pytest.approx(PERIOD, abs=0.001)
    by_index = sum(truth["kinect_000/depth"][:15_000] != truth["kinect_001/depth"][:15_000])
    assert by_index > 10_000  # what counting frames would have paired wrongly


def test_offsets_keep_the_delay():
    times, _, delays = rig(1, drops=0.0, stalls=0)
    sets = frame_sets(times, delays_us=delays, master="kinect_000/depth")
    for stream, delay in delays.items():
        offsets = np.array([i.offset_us[stream] for i in sets.instants])
        assert abs(np.median(offsets) - delay) < 3  # median of 900 jitters of 6 us has a spread of 0.3 us
    assert all(set(i.index) == set(times) for i in sets.instants)


def test_without_the_delays_far_devices_are_left_out_not_mispaired():
    times = {"a/depth": np.arange(50) * 33333, "b/depth": np.arange(50) * 33333 + 6000}
    sets = frame_sets(times, tolerance_us=4000)
    assert {s.stream: s.unused for s in sets.streams} == {"a/depth": 0, "b/depth": 50}
    assert all(i.index["b/depth"] == HOLE for i in sets.instants)
    assert frame_sets(times, delays_us={"b/depth": 6000}).figures()["complete"] == 50


def test_a_slower_stream_has_holes():
    times = {"a/color": np.arange(60) * 16_667, "b/color": np.arange(30) * 33_334}
    sets = frame_sets(times)
    assert sets.master == "a/color"
    assert [i.index["b/color"] for i in sets.instants[:6]] == [0, HOLE, 1, HOLE, 2, HOLE]


def test_two_frames_at_one_pulse_keep_the_closer():
    times = {"a/color": np.arange(5) * 33_333, "b/color": np.array([0, 33_000, 34_000, 66_666])}
    sets = frame_sets(times, master="a/color")
    assert [i.index["b/color"] for i in sets.instants] == [0, 1, 3, HOLE, HOLE]
    assert [s.unused for s in sets.streams] == [0, 1]


def test_single_frames_and_empty_streams():
    times = {"a/color": np.array([463_945]), "a/depth": np.array([463_945]), "a/ir": np.zeros(0, np.int64)}
    sets = frame_sets(times, rate_hz=5.0)
    assert [i.index for i in sets.instants] == [{"a/color": 0, "a/depth": 0, "a/ir": HOLE}]
    assert sets.instants[0].time_us == 463_945
    assert sets.figures()["streams"][2]["residual_median_us"] is None
    with pytest.raises(CaptureError, match="no stream has a frame"):
        frame_sets({"a/color": np.zeros(0, np.int64)})


def test_a_clock_that_goes_back_is_refused():
    with pytest.raises(CaptureError, match=r"a/color: the device clock goes from 20 to 5 us at frame 3 .*--without a"):
        frame_sets({"a/color": np.array([0, 10, 20, 5, 15])})


def session_of(tmp_path, clocks, sync):
    streams = []
    with McapWriter(tmp_path / "recording" / "rig.mcap") as writer:
        for d, name in enumerate(clocks):
            writer.add_stream(f"/{name}/depth", "dzp")
            for i in range(5):
                writer.write(f"/{name}/depth", b"", device_us=i * 33_333 + 160 * d, host_us=0)
            streams.append(
                StreamInfo(name=f"{name}/depth", kind="depth", file="recording/rig.mcap", topic=f"/{name}/depth",
                           encoding="dzp", frames=5, rate_hz=30.0, delay_us=160 * d)
            )  # fmt: skip
    devices = [DeviceInfo(name=n, clock=c, sync=s) for (n, c), s in zip(clocks.items(), sync)]
    return Session.create(tmp_path, streams=streams, devices=devices, origin="virtual")


def test_a_wired_session(tmp_path):
    session = session_of(tmp_path, {"a": "pulse", "b": "pulse"}, ["subordinate", "master"])
    sets = session_frame_sets(session, tolerance_us=50)
    assert sets.master == "b/depth"
    assert sets.figures()["complete"] == 5


def test_unsynchronised_devices_are_refused_and_one_alone_is_not(tmp_path):
    session = session_of(tmp_path, {"a": "a", "b": "b"}, ["standalone", "standalone"])
    with pytest.raises(CaptureError, match="were not synchronised"):
        session_frame_sets(session)
    assert len(session_frame_sets(session, without={"b"}).instants) == 5
