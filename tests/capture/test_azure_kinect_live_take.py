"""A take recorded from the live Azure Kinect loop against the stand-in: stalls and lost devices included."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from k4a_stand_in.stand_in import StandIn, build, depth_pattern

from capture.azure_kinect.chain import chain_settings
from capture.azure_kinect.driver import KinectDriver
from capture.azure_kinect.settings import KinectSettings
from capture.mcap_recording import McapReader
from capture.recorder.live_rig import LiveRig, RestartPolicy
from capture.recorder.recorder import Recorder
from capture.session import Session

SETTINGS = KinectSettings(color_resolution="720P", depth_mode="NFOV_2X2BINNED")


@pytest.fixture
def stand_in(tmp_path_factory):
    return StandIn(build(tmp_path_factory.mktemp("k4a")))


def test_a_rig_records_through_a_stall_and_an_unplugged_device(stand_in, tmp_path, monkeypatch):
    """Three devices on a cable; one falls silent though its IMU goes on, one is gone for good."""
    monkeypatch.setattr("capture.recorder.disk_room.MESSAGE_BYTES", 2000.0)
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
    assert starts.count("000001") == 2
    assert any(event.startswith("k1 opened again after") for event in events)
    assert any("LIBUSB_ERROR_NO_DEVICE" in event for event in events)
    assert any(event.startswith("k2 given up") for event in events)
    session = Session.open(tmp_path / "take")
    assert {device.clock for device in session.devices.values()} == {"pulse"}
    frames = {stream.name: stream.frames for stream in session.streams.values()}
    assert frames["k0/color"] > 80  # of 105; the machine that tests may be busy
    assert frames["k0/color"] > frames["k1/color"] > 40
    assert 30 < frames["k2/depth"] <= 40  # it was lost after the fortieth, the recorder came in after the first
    last = session.frame("k2/depth", frames["k2/depth"] - 1)
    np.testing.assert_array_equal(np.nan_to_num(1000 * last.payload).round(), depth_pattern(2, 39))
    assert taken.session.folder == session.folder
    with McapReader(session.path(session.streams["k0/color"].file)) as reader:
        assert json.loads(reader.attachments["k0/calibration.json"])
