"""A take of virtual devices: everything that arrived is in the session, and what is missing is counted."""

import time

import numpy as np
import pytest
from rig_of_frames import write_playable

from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.recorder.status import RecorderLimits
from capture.session import Session
from capture.virtual.clocks import ClockEffects
from capture.virtual.rig_playback import open_virtual_devices

SMALL = RecorderLimits(least_s=1.0, reserve_bytes=0)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return write_playable(tmp_path_factory.mktemp("recorder") / "take")


def run(rig, recorder):
    recorder.start()
    rig.start()
    while not rig.finished:
        time.sleep(0.02)
    rig.stop()
    return recorder.stop()


def test_a_take_holds_all_that_was_delivered(tmp_path, played):
    effects = ClockEffects(drop_rate=0.1, start_frames=3)
    devices = open_virtual_devices(played, effects, seed=3)
    with LiveRig(devices) as rig:
        recorder = Recorder(rig, tmp_path / "a", subject="p12", action="walk", host="pc 1.lab", limits=SMALL)
        taken = run(rig, recorder)
        session = taken.session
        for device in devices:
            for name, times in device.clocked.items():
                kept = np.flatnonzero(times.delivered)
                assert session.streams[name].frames == len(kept)
                assert np.array_equal(session.timestamps_us(name)[0], times.device_us[kept])
                assert taken.figures.streams[name].dropped == kept[-1] - kept[0] + 1 - len(kept)
                assert session.recording("recording/pc_1.mcap").read(f"/{name}", 5).data
        assert (session.info.subject, session.info.action, session.info.id) == ("p12", "walk", "a")
        assert session.devices["kinect_001"].host == "pc_1"
        now = time.time() - time.monotonic()
        assert session.info.hosts[0].epoch_offset_us == pytest.approx(1e6 * now, abs=1e5)
        assert session.recorded_cameras().keys() == session.streams.keys()
        assert session.recording("recording/pc_1.mcap").attachments["kinect_001/calibration.json"] == b"{}"
        assert taken.figures.lag_p99_s < 1.0
        assert taken.figures.queue_bytes == 0
        assert Session.open(tmp_path / "a").info == session.info
        assert recorder.stop() is taken
