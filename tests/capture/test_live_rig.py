"""A rig that runs: the order of the start, and devices that fall silent, vanish, come back or are given up."""

import itertools
import time

import pytest
from rig_of_frames import write_playable
from scripted_device import Scripted, started

from capture.device import DeviceError, DeviceStateError
from capture.errors import CaptureError
from capture.recorder.live_rig import LiveRig, RestartPolicy
from capture.virtual.rig_playback import open_virtual_devices

QUICK = RestartPolicy(stall_s=0.25, pause_s=0.01, attempts=3, healthy_s=0.2)


def run(devices, seconds=None, until=None, policy=QUICK):
    frames = []
    with LiveRig(devices, restart=policy) as rig:
        rig.attach(frames.append)
        rig.start()
        end = time.monotonic() + (seconds or 5.0)
        while time.monotonic() < end and not (until and until(rig)):
            time.sleep(0.01)
        rig.stop()
        health = {h.device: h for h in rig.health()}
    return frames, [str(event) for event in rig.events], health


def said(text, rig):
    return any(text in event.text for event in rig.events)


def test_the_master_starts_last_and_the_end_of_the_cable_first():
    started.clear()
    syncs = {"a": "master", "b": "subordinate", "c": "subordinate", "phone": "standalone"}
    run([Scripted(name, sync=sync) for name, sync in syncs.items()], seconds=0.05)
    assert started == ["c", "b", "phone", "a"]


@pytest.mark.parametrize("trouble", ["silent", "lose"])
def test_a_silent_or_lost_device_is_opened_again_and_the_others_go_on(trouble):
    bad, good = Scripted("bad", [trouble]), Scripted("good")
    frames, events, health = run([bad, good], until=lambda rig: len(bad.log) > 4 and rig.health()[0].delivered > 15)
    reason = "unplugged" if trouble == "lose" else "no frame for 0."
    assert reason in events[0]
    assert "opening it again (1 of 3)" in events[0]
    assert events[1].startswith("bad: opened again after 0.")
    assert len(events) == 2
    assert bad.log[:6] == ["open", "start", "stop", "close", "open", "start"]
    assert health["bad"].delivered == sum(f.stream == "bad/imu" for f in frames) > 15  # both of its starts
    times = [f.host_us for f in frames if f.stream == "good/imu"]
    assert max(b - a for a, b in itertools.pairwise(times)) < 200_000


def test_a_device_that_pings_without_pictures_is_opened_again():
    phone = Scripted("phone", ["silent", "run"], pings=True)
    _, events, health = run([phone], until=lambda rig: rig.health()[0].streams["phone/color"].delivered > 20)
    assert "no frame for 0." in events[0]
    assert "opening it again (1 of 3)" in events[0]
    assert events[1].startswith("phone: opened again after 0.")
    assert health["phone"].streams["phone/clock"].delivered > 20  # they came all the time


def test_a_device_that_stays_away_is_given_up():
    bad, good = Scripted("bad", ["lose", "refuse", "silent", "lose"]), Scripted("good")
    frames, events, health = run([bad, good], until=lambda rig: said("given up", rig))
    assert "unplugged; opening it again (1 of 3)" in events[0]
    assert "the cable is missing; opening it again (2 of 3)" in events[1]
    assert "opened again" in events[2]
    assert "no frame for 0." in events[3]
    assert "(3 of 3)" in events[3]
    assert events[-1] == "bad: given up (opened again 3 times in vain, unplugged); the rig goes on without it"
    assert health["bad"].message.startswith("given up")
    assert frames[-1].stream == "good/imu"


def test_a_device_that_recovers_has_all_its_attempts_again():
    bad = Scripted("bad", ["lose", "refuse", "run"])
    bad.starts += []
    policy = RestartPolicy(stall_s=0.25, pause_s=0.0, attempts=2, healthy_s=0.1)

    def again(rig):
        if rig.health()[0].delivered > 30 and bad.what == "run":
            bad.what = "lose"
        return len(rig.events) >= 5

    _, events, _ = run([bad], until=again, policy=policy)
    assert "(1 of 2)" in events[0]
    assert "(2 of 2)" in events[1]
    assert "(1 of 2)" in events[3]  # not given up


def test_subordinates_are_not_opened_again_while_their_master_is_silent(monkeypatch):
    monkeypatch.setattr("capture.recorder.device_pump.STALL_AFTER_S", 0.1)
    master = Scripted("master", ["silent"], sync="master")
    subordinate = Scripted("sub", ["silent"], sync="subordinate")  # no pulse, no frame
    policy = RestartPolicy(stall_s=0.3, pause_s=0.3, attempts=3)
    _, events, _ = run([master, subordinate], until=lambda rig: said("opened again", rig), policy=policy)
    assert [event.split(":")[0] for event in events] == ["master", "master"]


def test_a_subordinate_waits_for_a_master_on_another_computer():
    lonely = Scripted("sub", ["dumb"], sync="subordinate")
    _, events, health = run([lonely], seconds=0.6)
    assert events == []
    assert health["sub"].delivered == 0
    _, events, _ = run([Scripted("sub", ["silent"], sync="subordinate")], until=lambda rig: said("opened again", rig))
    assert "opening it again" in events[0]  # it had the pulse and fell silent


def test_a_device_that_was_given_up_has_another_chance_at_the_next_start():
    bad = Scripted("bad", ["lose", "refuse", "refuse", "refuse"])
    with LiveRig([bad], restart=QUICK) as rig:
        rig.start()
        while not rig.finished:
            time.sleep(0.01)
        assert said("given up", rig)
        rig.stop()
        rig.start()
        time.sleep(0.1)
        assert rig.health()[0].delivered > 3
        assert rig.health()[0].message == ""


def test_another_unit_in_its_place_is_refused():
    bad = Scripted("bad", ["lose"], serials=("1", "2"))
    _, events, _ = run([bad], until=lambda rig: said("given up", rig))
    assert "came back as serial 2, it was 1; plug the first one in" in events[1]


def test_a_refusal_at_the_start_stops_the_others():
    devices = [Scripted("good"), Scripted("bad", ["refuse"], sync="master")]
    with LiveRig(devices) as rig:
        with pytest.raises(DeviceError, match="bad: the cable is missing"):
            rig.start()
        assert not rig.running
        assert [h.state for h in rig.health()] == ["open", "open"]
        rig.start()
        assert rig.running


def test_a_listener_that_fails_is_left_out():
    frames = []

    def broken(frame):
        raise ValueError("full")

    with LiveRig([Scripted("a")]) as rig:
        rig.attach(broken)
        rig.attach(frames.append)
        rig.start()
        time.sleep(0.2)
        rig.detach(frames.append)
        rig.stop()
    assert len(frames) > 5
    assert [e.text for e in rig.events] == [
        "a listener failed at a frame of a/imu and gets no more: ValueError('full')"
    ]


def test_recordings_that_end_finish_the_rig(tmp_path):
    frames = []
    with LiveRig(open_virtual_devices(write_playable(tmp_path / "take", frames=10), speed=float("inf"))) as rig:
        rig.attach(frames.append)
        assert not rig.finished
        rig.start()
        while not rig.finished:
            time.sleep(0.01)
        assert len(frames) == 60
        assert {event.text for event in rig.events} == {"has no more frames"}


def test_refusals():
    with pytest.raises(CaptureError, match="no device"):
        LiveRig([])
    with pytest.raises(CaptureError, match="two devices are called 'a'"):
        LiveRig([Scripted("a"), Scripted("a")])
    rig = LiveRig([Scripted("a")])
    with pytest.raises(DeviceStateError, match="not open"):
        rig.start()
    with rig:
        with pytest.raises(DeviceStateError, match="open already"):
            rig.open()
        rig.start()
        with pytest.raises(DeviceStateError, match="runs already"):
            rig.start()
    with pytest.raises(CaptureError, match="stall_s"):
        RestartPolicy(stall_s=0.0)
