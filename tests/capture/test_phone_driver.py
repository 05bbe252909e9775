"""A phone from end to end on loopback: every frame once, in order, bit-exact, on the right clock, over broken links."""

import json
import time

import numpy as np
import pytest
from phone_take import drain, playing, recorded, take_until, write_phone_session

from capture.device import DeviceError, DeviceLost
from capture.iphone.agent import LinkFaults
from capture.iphone.clock_sync import Exchange, fit_clock
from capture.iphone.discovery import discover
from capture.iphone.driver import PhoneDriver
from capture.iphone.message import PhoneMessage
from capture.iphone.server import PhoneServer
from capture.iphone.settings import PhoneSettings
from capture.iphone.simulated_wifi import PhoneClock, WifiDelays

FRAMES = 36


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return write_phone_session(tmp_path_factory.mktemp("phone") / "S", FRAMES)


@pytest.fixture
def server(tmp_path):
    with PhoneServer(folder=tmp_path / "pairing", silence_s=0.6, ping_every_ms=10) as server:
        yield server


def far_clock():
    # 1234567.8 ms ahead of the host and 25 ppm fast. (Behind it, a freshly booted test machine has negative times.)
    return PhoneClock(offset_us=-1_234_567_800.0, skew_ppm=25.0, origin_us=float(time.monotonic_ns() // 1000))


def all_colors(count):
    return lambda frames: len(frames.get("phone/color", [])) >= count


def check_frames(frames, session, record):
    """Every frame that the agent exposed has arrived once, in order, with the recorded bytes and the agent's times."""
    for kind in ("color", "depth", "imu"):
        got = frames[f"phone/{kind}"]
        assert [f.sequence for f in got] == [number for _, number, _, _ in record.frames]
        assert [f.device_us for f in got] == [round(1e6 * t) for _, _, t, _ in record.frames]
        for frame, (_, _, timestamp_s, index) in zip(got, record.frames):
            original = recorded(session, kind, index)
            if kind != "imu":
                assert frame.data == original
                continue
            message, wanted = (PhoneMessage.of(json.loads(data)) for data in (frame.data, original))
            assert message.timestamp_s == timestamp_s
            np.testing.assert_array_equal(message.K, wanted.K)
            np.testing.assert_array_equal(message.T_arkit_camera, wanted.T_arkit_camera)
            np.testing.assert_array_equal(message.confidence, wanted.confidence)


@pytest.mark.parametrize(
    "deaf", [pytest.param(False, id="resumes"), pytest.param(True, id="sends all again", marks=pytest.mark.slow)]
)
def test_a_link_cut_twice_loses_and_doubles_nothing(session, server, deaf):
    clock = far_clock()
    faults = LinkFaults(cut_after=(13, 25), down_s=0.2, deaf=deaf, delays=WifiDelays(up_jitter_ms=3.0))
    driver = PhoneDriver("phone", server, settings=PhoneSettings(serial="SERIAL-1"))
    with playing(server.address.page, session.folder, clock=clock, faults=faults) as record, driver:
        driver.start()
        frames = take_until(driver, all_colors(FRAMES))
        health = driver.health()
        driver.stop()
        drain(driver, frames)
    check_frames(frames, session, record)
    assert record.connections == 3
    assert health.dropped == 0
    status = server.phones()[0]
    assert status.broken_links >= 2
    assert status.frames == FRAMES
    assert status.duplicates > 0 or not deaf
    # The clock stream tells the agent's clock; no exchange errs by more than half its round trip.
    told = [(f, json.loads(f.data)) for f in frames["phone/clock"]]
    for frame, values in told:
        assert values["offset_us"] == pytest.approx(frame.host_us - frame.device_us, abs=2)
    best = min(told, key=lambda item: item[1]["rtt_us"])
    at_us, error_us = float(best[0].device_us), best[1]["rtt_us"] / 2 + 20
    assert len(told) > 5
    assert at_us + best[1]["offset_us"] == pytest.approx(clock.host_us(at_us), abs=error_us)


def test_takes_follow_each_other_and_begin_with_what_is_known_of_the_clock(session, server):
    driver = PhoneDriver("phone", server)
    with playing(server.address.page, session.folder, clock=far_clock()) as record, driver:
        assert {s.name: s.encoding for s in driver._description.streams} == {
            "phone/color": "jpeg", "phone/depth": "dzp", "phone/imu": "json", "phone/clock": "json",
        }  # fmt: skip
        assert [c.name for c in driver._description.cameras] == ["phone/color", "phone/depth"]
        assert driver._description.info.serial == "SERIAL-1"
        takes = []
        for kind, count in (("color", 5), ("clock", 55)):  # the second goes on until a window of 50 pings is whole
            driver.start()
            frames = take_until(driver, lambda f, k=f"phone/{kind}", n=count: len(f.get(k, [])) >= n)
            driver.stop()
            takes.append(drain(driver, frames))
        driver.start()
        first = driver.next_frame(1.0)
        driver.stop()
    assert [f.sequence for f in takes[0]["phone/color"]] == list(range(len(takes[0]["phone/color"])))
    assert takes[1]["phone/color"][0].sequence == 0
    assert first.stream == "phone/clock"
    assert json.loads(first.data)["before"] is True
    assert record.takes == 3


@pytest.mark.slow
def test_what_the_phone_had_to_drop_is_counted(session, server):
    driver = PhoneDriver("phone", server)
    faults = LinkFaults(cut_after=(4,), down_s=0.35)
    # The outbox holds some ten frames: of 21 that fall into the break, the rest is dropped on the phone.
    with playing(server.address.page, session.folder, faults=faults, kept_bytes=60_000) as record, driver:
        driver.start()
        frames = take_until(driver, lambda f: f.get("phone/color") and f["phone/color"][-1].sequence == FRAMES - 1)
        missed = driver.health().streams["phone/color"].missed
        driver.stop()
    assert record.dropped > 0
    assert missed == record.dropped
    assert len(frames["phone/color"]) == FRAMES - missed


def test_what_stays_on_a_phone_is_said_and_does_not_come_into_the_next_take(session, server):
    driver = PhoneDriver("phone", server, settings=PhoneSettings(drain_s=0.1))
    with playing(server.address.page, session.folder, faults=LinkFaults(cut_after=(6,), down_s=0.5)) as record, driver:
        driver.start()
        first = take_until(driver, lambda _: not server.phones()[0].connected)
        driver.stop()
        assert "frames were left on the phone as it stopped: its link has been broken for" in driver.health().message
        drain(driver, first)
        driver.start()
        second = take_until(driver, all_colors(8))
        driver.stop()
    assert len({take for take, *_ in record.frames}) == 2
    assert [f.sequence for f in second["phone/color"][:8]] == list(range(8))
    assert len(first["phone/color"]) < FRAMES


@pytest.mark.parametrize("device", ["opened again", "stopped"])
def test_a_link_that_comes_back_in_time_loses_nothing(session, server, device):
    """A rig opens a silent device again by closing it as it runs; a stop waits for what the phone has kept."""
    driver = PhoneDriver("phone", server)
    faults = LinkFaults(cut_after=(13,), down_s=0.3)
    with playing(server.address.page, session.folder, faults=faults) as record, driver:
        driver.start()
        frames = take_until(driver, lambda _: not server.phones()[0].connected)
        drain(driver, frames)
        if device == "opened again":
            driver.close()
            driver.open()
            driver.start()
            take_until(driver, all_colors(FRAMES), frames)
        driver.stop()
        assert driver.health().message == ""
        drain(driver, frames)
    assert record.takes == 1
    check_frames(frames, session, record)


@pytest.mark.slow
def test_a_phone_that_freezes_is_stalled_then_lost_and_goes_on_where_it_was(session, server):
    driver = PhoneDriver("phone", server, settings=PhoneSettings(lost_after_s=0.5))
    faults = LinkFaults(freeze_after=10, freeze_s=1.7)
    with playing(server.address.page, session.folder, faults=faults) as record, driver:
        driver.start()
        frames = take_until(driver, all_colors(10))
        take_until(driver, lambda _: "it keeps its frames" in driver.health().message, frames)
        with pytest.raises(DeviceLost, match="phone: phone SERIAL-1 has been gone for ") as caught:
            take_until(driver, lambda _: False, frames)
        assert "\n" not in str(caught.value)
        driver.close()
        with pytest.raises(DeviceError, match="connected: none"):
            PhoneDriver("phone", server, settings=PhoneSettings(wait_s=0.1)).open()
        driver.open()  # waits for the phone; then the same take goes on
        driver.start()
        take_until(driver, all_colors(FRAMES), frames)
        driver.stop()
        drain(driver, frames)
    check_frames(frames, session, record)


def test_a_connected_phone_without_pictures_is_stalled(session, server, monkeypatch):
    monkeypatch.setattr("capture.iphone.driver.STALL_AFTER_S", 0.3)
    driver = PhoneDriver("phone", server)
    with playing(server.address.page, session.folder), driver:
        driver.start()
        take_until(driver, all_colors(FRAMES))  # the recording is at its end
        deadline = time.monotonic() + 3
        while not (health := driver.health()).stalled and time.monotonic() < deadline:
            driver.next_frame(0.05)
        assert health.stalled
        assert health.message.startswith("no picture for")
        driver.stop()


def test_discovery_tells_who_is_connected(session, server, tmp_path):
    assert "humanrig phone serve" in discover(tmp_path / "nowhere").notes[0]
    with playing(server.address.page, session.folder):
        deadline = time.monotonic() + 5
        while not (report := discover(tmp_path / "pairing")).devices and time.monotonic() < deadline:
            time.sleep(0.05)
    found = report.devices[0]
    assert (found.driver, found.serial, found.model) == ("iphone", "SERIAL-1", "iPhone 15 Pro")
    server.stop()
    assert discover(tmp_path / "pairing").devices == ()


def test_two_devices_do_not_share_a_phone(session, server):
    with playing(server.address.page, session.folder), PhoneDriver("phone", server):
        for serial, words in (("SERIAL-1", "is already phone"), ("", "no free phone is connected")):
            with pytest.raises(DeviceError, match=words):
                PhoneDriver("other", server, settings=PhoneSettings(serial=serial, wait_s=0.05)).open()


@pytest.mark.slow
def test_skew_shows_after_minutes_over_a_real_socket(session, server):
    clock = far_clock()
    faults = LinkFaults(delays=WifiDelays(up_jitter_ms=2.0, down_jitter_ms=1.0))
    with (
        playing(server.address.page, session.folder, clock=clock, faults=faults),
        PhoneDriver("phone", server) as driver,
    ):
        driver.start()
        time.sleep(60)
        driver.stop()
        frames = drain(driver, {})
    exchanges = [(float(f.device_us), float(f.host_us), json.loads(f.data)["rtt_us"]) for f in frames["phone/clock"]]
    windows = [min(exchanges[k : k + 50], key=lambda e: e[2]) for k in range(0, len(exchanges) - 50, 50)]
    fit = fit_clock(
        [
            Exchange(phone_sent_us=d - r / 2, phone_received_us=d + r / 2, host_received_us=h, host_sent_us=h)
            for d, h, r in windows
        ]
    )
    # A minute of real scheduling beside other programs; 2 ppm are stated for five minutes.
    assert fit.skew_ppm == pytest.approx(25.0, abs=8.0)
    assert fit.reference_us + fit.offset_us == pytest.approx(clock.host_us(fit.reference_us), abs=1000)
