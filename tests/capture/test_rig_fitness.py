"""The check of a rig: what is fine is ready, what is wrong is named with the device it concerns."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from capture.device import DeviceDescription, DeviceError, DeviceStream
from capture.device_frames import EncodedFrame
from capture.rig.fitness import firmware_warning, try_rig, version_of
from capture.rig.pulse_monitor import PulseMonitor
from capture.rig.warm_up import PAUSE_S, WARM_UP_S, RunningRecord, warm_up_warning
from capture.session_info import DeviceInfo
from capture.virtual.clocks import ClockEffects
from capture.virtual.rig_playback import open_virtual_devices

sys.path.insert(0, str(Path(__file__).parents[1] / "humanrig"))
from small_rig import small_session

SECONDS = 0.7


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_session(tmp_path_factory.mktemp("fitness") / "take", devices=3)


def test_a_healthy_rig_is_ready(folder):
    effects = replace(ClockEffects.quiet(), jitter_us=6.0)
    found, descriptions = try_rig(open_virtual_devices(folder, effects, loops=3), seconds=SECONDS)
    assert [one.level for one in found] == ["ready"] * 3, found
    assert list(descriptions) == ["kinect_000", "kinect_001", "kinect_002"]
    for one in found:
        assert one.dropped == 0
        assert one.invalid_share == pytest.approx(0.25)
        assert all(rate == pytest.approx(30.0, rel=0.15) for rate in one.rates_hz.values())  # 3 frames of 20
        assert one.residual.worst_us <= 60  # jitter of both ends is clipped to 5 sigma of 6 us


def test_losses_are_an_error_of_the_rig_that_has_them(folder):
    effects = replace(ClockEffects.quiet(), drop_rate=0.3)
    found, _ = try_rig(open_virtual_devices(folder, effects, seed=1), seconds=SECONDS)
    assert all(one.level == "error" for one in found)
    assert all(any("frames lost" in text for text in one.errors) for one in found)
    assert any("frames a second, 30 expected" in text for one in found for text in one.errors)


def test_a_silent_device_is_named_alone(folder):
    effects = replace(ClockEffects.quiet(), stall_device="kinect_001", stall_at_s=0.0, stall_s=60.0)
    found, _ = try_rig(open_virtual_devices(folder, effects), seconds=SECONDS)
    assert [one.level for one in found] == ["ready", "error", "ready"], found
    assert "kinect_001/color gave no frame" in found[1].errors[0]


def test_a_device_that_cannot_be_opened_takes_the_blame(folder, monkeypatch):
    devices = open_virtual_devices(folder)

    def refuse():
        raise DeviceError("kinect_001: another program holds it; close that")

    monkeypatch.setattr(devices[1], "_open", refuse)
    found, descriptions = try_rig(devices, seconds=SECONDS)
    assert descriptions == {}
    assert found[1].errors == ("kinect_001: another program holds it; close that",)
    assert "without the others" in found[0].errors[0]
    assert "without the others" in found[2].errors[0]


def test_an_empty_depth_is_a_warning(tmp_path):
    folder = small_session(tmp_path / "dark", devices=2, empty=0.9)
    found, _ = try_rig(open_virtual_devices(folder), seconds=SECONDS)
    assert [one.level for one in found] == ["warning", "warning"], found
    assert "90% of its depth pixels are empty" in found[0].warnings[0]


def monitor(delays=(0, 160, 320)):
    descriptions = {
        f"k{n}": DeviceDescription(
            info=DeviceInfo(name=f"k{n}", clock="pulse", sync="subordinate" if n else "master"),
            streams=(
                DeviceStream(name=f"k{n}/color", kind="color", encoding="jpeg", rate_hz=30.0),
                DeviceStream(name=f"k{n}/depth", kind="depth", encoding="dzp", rate_hz=30.0, delay_us=delay),
            ),
        )
        for n, delay in enumerate(delays)
    }
    descriptions["phone"] = DeviceDescription(
        info=DeviceInfo(name="phone", clock="phone"),
        streams=(DeviceStream(name="phone/color", kind="color", encoding="jpeg", rate_hz=60.0),),
    )
    return PulseMonitor(descriptions)


def feed(monitor, late=lambda name, k: 0, skip=lambda name, k: False, skew_ppm=0.0):
    delay = {"k0/depth": 0, "k1/depth": 160, "k2/depth": 320}
    for k in range(60):
        for name in ("k0/color", "k1/color", "k2/color", "k0/depth", "k1/depth", "k2/depth", "phone/color"):
            if skip(name, k):
                continue
            us = round(1e6 + k * 1e6 / 30 * (1 + 1e-6 * skew_ppm)) + delay.get(name, 0) + late(name, k)
            monitor.take(EncodedFrame(stream=name, sequence=k, device_us=us, host_us=us, data=b""))


def test_configured_delays_are_no_residual_and_a_free_device_has_none():
    rig = monitor()
    feed(rig, skew_ppm=50.0)
    assert rig.wired == ("k0", "k1", "k2")
    assert set(rig.residuals()) == {"k0", "k1", "k2"}
    assert max(one.worst_us for one in rig.residuals().values()) <= 3  # rounding to microseconds, and 50 ppm of 33 ms


def test_a_device_off_the_pulse_shows_by_how_much_also_while_the_master_loses_frames():
    rig = monitor()
    feed(rig, late=lambda name, k: 11_000 if name == "k1/depth" else 0, skip=lambda name, k: name[:2] == "k0" and k % 5)
    residuals = rig.residuals()
    assert residuals["k1"].median_us == pytest.approx(11_000, abs=5)
    assert not residuals["k1"].good
    assert residuals["k2"].good


def test_a_clock_that_begins_again_does_not_stay_wrong():
    rig = monitor()
    feed(rig)
    feed(rig, late=lambda name, k: -900_017)  # all of them, to before
    feed(rig, late=lambda name, k: 1_200_000)
    assert max(abs(one.median_us) for one in rig.residuals().values()) <= 3


def test_a_device_is_warm_after_forty_minutes_of_running(tmp_path):
    record = RunningRecord(tmp_path / "running.json")
    for minute in range(41):
        record.running(["7"], now=1e9 + 60 * minute)
    assert record.save() == ""
    again = RunningRecord(tmp_path / "running.json")
    now = 1e9 + 2400
    assert again.seconds("7", now) == 2400.0 >= WARM_UP_S
    assert warm_up_warning("7", again, now) == ""
    assert "0 min by the record" in warm_up_warning("8", again, now)
    assert "for 40 min: humanrig rig check --seconds 2400" in warm_up_warning("8", again, now)
    assert again.seconds("7", now + PAUSE_S) == 2400 + PAUSE_S
    assert again.seconds("7", now + PAUSE_S + 1) == 0.0  # it was off
    assert again.seconds("7", now - 3600) == 0.0  # the computer's clock was set back


@pytest.mark.parametrize("text", ["", "[", "[1]", '{"7": 3}', '{"7": ["a", "b"]}'])
def test_a_damaged_record_of_running_devices_is_begun_again(tmp_path, text):
    path = tmp_path / "running.json"
    path.write_text(text)
    record = RunningRecord(path)
    assert record.seconds("7") == 0.0
    record.running(["7"])
    assert record.save() == ""


def test_a_record_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in RunningRecord(tmp_path / "file" / "running.json").save()


def test_old_firmware_is_named_with_what_it_does():
    assert version_of("color 1.6.102, depth 1.6.79") == (1, 6, 102)
    assert version_of("unknown") is None
    assert "100 us late" in firmware_warning("azure_kinect", "color 1.6.102, depth 1.6.79")
    assert "does not restart" in firmware_warning("azure_kinect", "1.6.108")
    assert firmware_warning("azure_kinect", "1.6.110") == ""
    assert firmware_warning("realsense", "1.0.0") == ""
