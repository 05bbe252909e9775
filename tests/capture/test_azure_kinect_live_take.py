"""A take recorded from the live Azure Kinect loop against the stand-in: stalls and lost devices included."""

import json
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg
from k4a_stand_in.stand_in import StandIn, build, depth_pattern

from capture.azure_kinect.chain import chain_settings
from capture.azure_kinect.driver import KinectDriver
from capture.azure_kinect.settings import KinectSettings
from capture.mcap_recording import McapReader
from capture.recorder.live_rig import LiveRig, RestartPolicy
from capture.recorder.recorder import Recorder
from capture.session import Session
from capture.synchronisation import session_frame_sets

SETTINGS = KinectSettings(color_resolution="720P", depth_mode="NFOV_2X2BINNED")


@pytest.fixture
def stand_in(tmp_path_factory):
    return StandIn(build(tmp_path_factory.mktemp("k4a")))


def pulses_between(session, first, second):
    """How many differences there are between the frame numbers of two devices that were paired: each start of a
    device counts its frames from its own first pulse, so that a wrong pair is a difference of its own."""
    found = set()
    for instant in session_frame_sets(session).instants:
        for kind in ("color", "depth"):
            indices = [instant.index[f"{device}/{kind}"] for device in (first, second)]
            if min(indices) >= 0:
                times = [session.frame(f"{d}/{kind}", k).device_us for d, k in zip((first, second), indices)]
                found.add(round((times[1] - times[0]) / 33_333))
    return len(found)


@pytest.mark.slow
def test_a_rig_records_through_a_stall_and_an_unplugged_device(stand_in, tmp_path):
    """Three devices on a cable; one falls silent though its IMU goes on, one is gone for good."""
    stand_in.chain(3)
    stand_in.set(1, stall_at=20, stall_once=1)
    stand_in.set(2, lose_at=40)
    chain = chain_settings(["k0", "k1", "k2"], SETTINGS)
    devices = [
        KinectDriver(name, replace(s, serial=f"00000{k}"), library=stand_in.library)
        for k, (name, s) in enumerate(chain.items())
    ]
    policy = RestartPolicy(stall_s=1.0, attempts=2, pause_s=0.05)
    with LiveRig(devices, restart=policy) as rig:
        rig.start()
        recorder = Recorder(rig, tmp_path / "take")
        recorder.start()
        time.sleep(3.5)
        taken = recorder.stop()
        rig.stop()
        events = [f"{event.device} {event.text}" for event in rig.events]
    starts = [call.split()[1] for call in stand_in.calls if call.startswith("start")]
    assert starts[:3] == ["000002", "000001", "000000"]  # from the end of the cable, the master last
    assert starts.count("000001") >= 2  # on a busy machine it may seem silent once more
    assert any(event.startswith("k1 opened again after") for event in events)
    assert any("LIBUSB_ERROR_NO_DEVICE" in event for event in events)
    assert any(event.startswith("k2 given up") for event in events)
    session = Session.open(tmp_path / "take")
    assert {device.clock for device in session.devices.values()} == {"pulse"}
    frames = {stream.name: stream.frames for stream in session.streams.values()}
    assert frames["k0/color"] > 60  # of 105 on a machine with time to spare
    assert frames["k0/color"] > frames["k1/color"] > 25  # 20 before its stall
    assert 30 < frames["k2/depth"] <= 40  # it was lost after the fortieth, the recorder came in after the first
    last = session.frame("k2/depth", frames["k2/depth"] - 1)
    np.testing.assert_array_equal(np.nan_to_num(1000 * last.payload).round(), depth_pattern(2, 39))
    assert taken.session.folder == session.folder
    assert pulses_between(session, "k0", "k1") == starts.count("000001")  # and no pair is wrong
    with McapReader(session.path(session.streams["k0/color"].file)) as reader:
        assert json.loads(reader.attachments["k0/calibration.json"])


@pytest.mark.slow
def test_ten_devices_of_full_size_lose_nothing_uncounted(stand_in):
    """1080p colour of more than 400 kB, 640x576 depth with noise, encoded in the loop: a frame arrives or is counted.

    On a computer with time to spare none is lost; how many are on a busy one is no matter of this test.
    """
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (270, 480, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    picture = simplejpeg.encode_jpeg(coarse, quality=80)
    assert len(picture) > 400_000
    for k in range(10):
        stand_in.add(f"{k:06d}", pictures=[picture], cable_in=k > 0, cable_out=k < 9, noise_bits=1)
    chain = chain_settings([f"k{k}" for k in range(10)], KinectSettings())
    devices = [
        KinectDriver(name, replace(s, serial=f"{k:06d}"), library=stand_in.library)
        for k, (name, s) in enumerate(chain.items())
    ]
    counts, sizes = Counter(), Counter()

    def sink(frame):
        kind = frame.stream.rsplit("/", 1)[1]
        counts[kind] += 1
        sizes[kind] += len(frame.data)

    with LiveRig(devices) as rig:
        rig.attach(sink)
        rig.start()
        time.sleep(6.0)
        health = rig.health()
    for kind in ("color", "depth"):
        streams = [h.streams[f"{h.device}/{kind}"] for h in health]
        assert min(stream.delivered + stream.dropped for stream in streams) > 30 * 5  # of six seconds
        assert counts[kind] > 10 * 30
    assert 4 < 2 * 640 * 576 * counts["depth"] / sizes["depth"] < 9  # as real depth compresses: 5.5
    assert stand_in.outstanding == 0
