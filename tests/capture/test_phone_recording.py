"""A phone in a live rig, recorded: what lies on disk is what the phone exposed, and its clock can be fitted from it."""

import time

import numpy as np
import pytest
from phone_take import playing, recorded, write_phone_session

from capture.iphone.agent import LinkFaults
from capture.iphone.driver import PhoneDriver
from capture.iphone.server import PhoneServer
from capture.iphone.simulated_wifi import PhoneClock
from capture.recorder.live_rig import LiveRig, RestartPolicy
from capture.recorder.recorder import Recorder
from capture.session import Session
from capture.sync.exchange_fit import fit_comparisons
from capture.sync.session_times import exchanges


@pytest.mark.slow
def test_a_rig_opens_a_phone_again_that_pings_without_pictures(tmp_path):
    played = write_phone_session(tmp_path / "S", 20)
    with (
        PhoneServer(folder=tmp_path / "pairing", ping_every_ms=10) as server,
        playing(server.address.page, played.folder),
    ):
        policy = RestartPolicy(stall_s=0.4, pause_s=0.01)
        frames = []
        with LiveRig([PhoneDriver("phone", server)], restart=policy) as rig:
            rig.attach(frames.append)
            rig.start()
            end = time.monotonic() + 10
            while sum(f.stream == "phone/color" for f in frames) < 40 and time.monotonic() < end:
                time.sleep(0.02)
            rig.stop()
    numbers = [f.sequence for f in frames if f.stream == "phone/color"]
    assert numbers[:40] == [*range(20), *range(20)]
    assert "no frame for 0." in rig.events[0].text
    assert "opened again" in rig.events[1].text


def test_a_recorded_take_has_every_frame_and_the_phones_clock(tmp_path):
    played = write_phone_session(tmp_path / "S", 30)
    clock = PhoneClock(offset_us=-1_234_567_800.0, skew_ppm=25.0, origin_us=float(time.monotonic_ns() // 1000))
    with PhoneServer(folder=tmp_path / "pairing", ping_every_ms=10) as server:
        faults = LinkFaults(cut_after=(12,), down_s=0.2)
        with playing(server.address.page, played.folder, clock=clock, faults=faults) as record:
            rig = LiveRig([PhoneDriver("phone", server)])
            rig.open()
            try:
                recorder = Recorder(rig, tmp_path / "T", action="walk")
                recorder.start()
                rig.start()
                deadline = time.monotonic() + 10
                while server.phones()[0].frames < 30 and time.monotonic() < deadline:
                    time.sleep(0.05)
                rig.stop()
                recorder.stop()
            finally:
                rig.close()
    session = Session.open(tmp_path / "T")
    assert {s.kind for s in session.streams.values()} == {"color", "depth", "imu", "clock"}
    device_us, _ = session.timestamps_us("phone/color")
    assert [int(t) for t in device_us] == [round(1e6 * t) for _, _, t, _ in record.frames]
    assert len(device_us) == 30
    for index in range(30):
        assert recorded(session, "color", index, "phone") == recorded(played, "color", index)
        assert recorded(session, "depth", index, "phone") == recorded(played, "depth", index)
    assert session.recorded_camera_file().unplaced
    told = exchanges(session, "phone")
    fit = fit_comparisons(told.device_us, told.offset_us, told.rtt_us)
    middle = float(told.device_us[len(told.device_us) // 2])
    assert float(fit.host_us(np.array([middle]))[0]) == pytest.approx(
        clock.host_us(middle), abs=float(told.rtt_us.min()) / 2 + 1000
    )
