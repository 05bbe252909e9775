"""Faulty clocks in a written session: what is lost is known, and the pairing never mixes two instants."""

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.frame_sets import HOLE
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.synchronisation import session_frame_sets
from capture.virtual.clocks import ClockEffects
from capture.virtual.take_clocks import FIRST_US, take_clocks, write_frame

KINECTS = [f"kinect_{n:03d}" for n in range(5)]
INSTANTS = 300
TROUBLE = ClockEffects(
    jitter_us=20, drop_rate=0.05, burst_rate=0.01, start_frames=4, stall_device="kinect_002", stall_at_s=4, stall_s=2
)


def _session(folder, clocks) -> Session:
    """A session whose frames are JSON with the number of their instant, written as a take is."""
    with McapWriter(folder / "recording" / "rig.mcap") as writer:
        for stream in clocks.frames:
            writer.add_stream(f"/{stream}", "json")
        for instant in range(INSTANTS):
            for stream, frames in clocks.frames.items():
                write_frame(writer, stream, str(instant).encode(), frames, instant)
        counts = writer.counts
    streams = [
        StreamInfo(
            name=stream,
            kind="color" if stream.endswith("color") else "depth",
            file="recording/rig.mcap",
            encoding="json",
            frames=counts[f"/{stream}"],
            topic=f"/{stream}",
            rate_hz=30.0,
            delay_us=clocks.delay_us(stream),
        )
        for stream in clocks.frames
    ]
    devices = [DeviceInfo(name=n, sync="subordinate" if k else "master") for k, n in enumerate(KINECTS)]
    return Session.create(folder, streams=streams, devices=devices, origin="virtual")


def _paired(session):
    """Of each frame set, the instants that its frames belong to."""
    for found in session_frame_sets(session).instants:
        yield found, {int(session.frame(s, k).payload) for s, k in found.index.items() if k != HOLE}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_pair_is_wrong_and_every_frame_is_used(tmp_path, seed):
    clocks = take_clocks(KINECTS, instants=INSTANTS, rate_hz=30.0, effects=TROUBLE, seed=seed)
    session = _session(tmp_path / "take", clocks)
    pairs = list(_paired(session))
    assert all(len(instants) == 1 for _, instants in pairs)
    numbers = [next(iter(instants)) for _, instants in pairs]
    assert numbers == sorted(set(numbers))
    used = sum(k != HOLE for found, _ in pairs for k in found.index.values())
    delivered = sum(int(frames.delivered.sum()) for frames in clocks.frames.values())
    assert used == delivered
    assert delivered < 0.93 * len(clocks.frames) * INSTANTS
    for found, instants in pairs:
        assert abs(found.time_us - clocks.session_us[instants.pop()]) < 5 * 20 + 2  # jitter's limit


def test_a_stalled_device_comes_back_at_its_own_place(tmp_path):
    clocks = take_clocks(KINECTS, instants=INSTANTS, rate_hz=30.0, effects=TROUBLE, seed=3)
    silent = ~clocks.frames["kinect_002/color"].delivered
    assert silent[120:180].all()  # 4 s to 6 s
    assert not silent[180:].all()
    assert clocks.clocks["kinect_002"].stall_us == (4_000_000, 6_000_000)
    assert clocks.clocks["kinect_001"].stall_us is None
    holes = {
        next(iter(i)) for found, i in _paired(_session(tmp_path / "take", clocks)) if not found.has("kinect_002/color")
    }
    assert holes == set(np.flatnonzero(silent).tolist())


def test_without_effects_nothing_is_lost_and_times_are_even():
    clocks = take_clocks(KINECTS, ["iphone_000"], instants=5, rate_hz=30.0, seed=4)
    assert list(clocks.session_us) == [FIRST_US + k for k in (0, 33333, 66667, 100000, 133333)]
    for stream, frames in clocks.frames.items():
        assert frames.delivered.all()
        assert np.array_equal(frames.device_us, clocks.session_us + clocks.delay_us(stream))
    assert clocks.delay_us("kinect_004/depth") == 640
    assert clocks.delay_us("kinect_004/color") == 0
    assert clocks.clocks["iphone_000"].offset_us > FIRST_US + 1000


def test_a_device_that_is_not_there_cannot_stall():
    effects = ClockEffects(stall_device="kinect_009")
    with pytest.raises(CaptureError, match="stall_device 'kinect_009' is not in this rig"):
        take_clocks(KINECTS, ["iphone_000"], instants=5, rate_hz=30.0, effects=effects)
    phone = ClockEffects(stall_device="iphone_000")
    assert take_clocks(KINECTS, ["iphone_000"], instants=5, rate_hz=30.0, effects=phone).clocks["iphone_000"].stall_us


def test_instants_that_a_cut_recording_still_holds():
    clocks = take_clocks(KINECTS[:2], instants=20, rate_hz=30.0, effects=ClockEffects(drop_rate=0.3), seed=1)
    counts = {stream: int(frames.delivered.sum()) for stream, frames in clocks.frames.items()}
    assert clocks.whole_instants(counts) == 20
    delivered = np.flatnonzero(clocks.frames["kinect_001/depth"].delivered)
    assert clocks.whole_instants({**counts, "kinect_001/depth": 3}) == delivered[3]
    assert clocks.whole_instants({}) == min(np.flatnonzero(f.delivered)[0] for f in clocks.frames.values())
