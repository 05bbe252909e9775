"""The live loop of the RealSense driver on the SDK's software device: times, depth, options, and what goes wrong."""

import time

import numpy as np
import pytest
import simplejpeg

pytest.importorskip("pyrealsense2")
import pyrealsense2 as rs
from pydantic import ValidationError
from realsense_unit import COLOR_SIZE, DEPTH_SIZE, Context, SoftwareUnit, exposed_us

from capture import depth_codec
from capture.device import DeviceError, DeviceLost
from capture.realsense.calibration import camera_of
from capture.realsense.discovery import discover
from capture.realsense.driver import RealSenseDriver
from capture.realsense.frames import UnitClock, depth_mm
from capture.realsense.settings import RealSenseSettings
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.recorder.rig_events import RestartPolicy


def settings(**changes):
    return RealSenseSettings(**{"depth_size": DEPTH_SIZE, "color_size": COLOR_SIZE} | changes)


def take(device, count, timeout_s=5.0):
    """That many frames, by stream."""
    found = {}
    until = time.monotonic() + timeout_s
    while sum(map(len, found.values())) < count and time.monotonic() < until:
        if (frame := device.next_frame(0.2)) is not None:
            found.setdefault(frame.stream, []).append(frame)
    return found


@pytest.fixture
def unit():
    return SoftwareUnit()


def test_frames_come_whole_with_both_clocks(unit):
    with RealSenseDriver("rs", settings(), context=Context(unit)) as device:
        device.start()
        before_us = time.monotonic_ns() // 1000
        found = {"rs/depth": [], "rs/color": []}
        for number in range(1, 21):  # the SDK's queue of 16 frames never fills, however busy the computer
            unit.send([number], pause_s=0)
            for stream, frames in take(device, 2).items():
                found[stream] += frames
        device.stop()
        assert {stream: len(frames) for stream, frames in found.items()} == {"rs/depth": 20, "rs/color": 20}
        for frames in found.values():
            assert [frame.sequence for frame in frames] == unit.sent
            assert [frame.device_us for frame in frames] == [exposed_us(number) for number in unit.sent]
            assert all(before_us <= frame.host_us <= time.monotonic_ns() // 1000 for frame in frames)
        for frame in found["rs/depth"]:
            image = depth_codec.decode(frame.data, *DEPTH_SIZE[::-1])
            np.testing.assert_array_equal(image, unit.depth_image(frame.sequence))
        for frame in found["rs/color"]:
            picture = simplejpeg.decode_jpeg(frame.data)
            np.testing.assert_allclose(picture.mean((0, 1)), unit.color_image(frame.sequence)[0, 0], atol=3)  # JPEG
        health = device.health()
        assert health.delivered == 40
        assert health.dropped == 0


def test_it_describes_itself_with_its_factory_calibration(unit):
    device = RealSenseDriver("rs", settings(sync="subordinate"), context=Context(unit))
    description = device.open()
    info = description.info
    assert (info.model, info.serial, info.firmware) == ("Intel RealSense D455", "923322071234", "5.15.0.2")
    assert (info.sync, info.clock) == ("standalone", "rs")  # a cable triggers, it shares no clock
    assert "subordinate on the RealSense cable" in info.note
    assert unit.depth.get_option(rs.option.inter_cam_sync_mode) == 2
    assert "JPEG of quality 92" in info.note
    depth, color = description.cameras
    assert (depth.name, color.name) == ("rs/depth", "rs/color")
    np.testing.assert_allclose(depth.K, [[50, 0, 31.75], [0, 50, 24.5], [0, 0, 1]])
    np.testing.assert_array_equal(depth.T_world_camera, np.eye(4))
    p_color = color.T_camera_world @ [0.1, 0.2, 1.5, 1]
    expected = unit.R_color_depth @ [0.1, 0.2, 1.5] + unit.t_color_depth
    np.testing.assert_allclose(p_color[:3], expected, atol=1e-6)  # single precision of the SDK
    assert b"inverse_brown_conrady" in description.attachments["rs/realsense.json"]
    device.close()


@pytest.mark.parametrize("model", ["brown_conrady", "inverse_brown_conrady", "modified_brown_conrady"])
def test_our_lens_projects_as_the_sdk_does(model):
    unit = SoftwareUnit(lens=getattr(rs.distortion, model))
    profile = unit.color.get_stream_profiles()[0]
    camera = camera_of(profile, "rs/color", np.eye(4))
    intrinsics = profile.as_video_stream_profile().get_intrinsics()
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(-0.55, 0.55, (50, 1)), rng.uniform(-0.35, 0.35, (50, 1)), np.ones((50, 1))], 1)
    theirs = [rs.rs2_project_point_to_pixel(intrinsics, point.tolist()) for point in points]
    # brown_conrady is our model but for single precision (80 px, 1e-7); of the others products of two terms remain.
    np.testing.assert_allclose(camera.project(points), theirs, atol=1e-4 if model == "brown_conrady" else 0.01)


@pytest.mark.parametrize(("role", "mode"), [("standalone", 0), ("master", 1), ("subordinate", 2)])
def test_settings_reach_the_unit(unit, role, mode):
    wanted = settings(sync=role, exposure_us=6000, color_exposure_us=8000, white_balance_k=5200, power_line_hz=60)
    with RealSenseDriver("rs", wanted, context=Context(unit)) as device:
        told = {
            name: sensor.get_option(getattr(rs.option, name))
            for sensor, name in (
                (unit.depth, "inter_cam_sync_mode"),
                (unit.depth, "exposure"),
                (unit.color, "white_balance"),
                (unit.color, "power_line_frequency"),
                (unit.depth, "emitter_enabled"),
            )
        }
        assert told == {
            "inter_cam_sync_mode": mode,
            "exposure": 6000,
            "white_balance": 5200,
            "power_line_frequency": 2,
            "emitter_enabled": 1,
        }
        assert unit.color.get_option(rs.option.exposure) == 80  # counted in 100 us
        assert "no option" not in device.health().message


def test_what_a_unit_cannot_be_told_is_noted_and_a_cable_it_lacks_refused():
    unit = SoftwareUnit(options=False)
    description = RealSenseDriver("rs", settings(), context=Context(unit)).open()
    assert "has no option for depth exposure" in description.info.note
    with pytest.raises(DeviceError, match="cannot be master"):
        RealSenseDriver("rs", settings(sync="master"), context=Context(unit)).open()


def test_a_value_out_of_range_is_refused_with_the_range(unit):
    with pytest.raises(DeviceError, match=r"depth exposure cannot be set to 60000 .* 0 to 10000"):
        RealSenseDriver("rs", settings(exposure_us=60_000), context=Context(unit)).open()


def test_depth_in_other_units_becomes_millimetres_and_it_is_said():
    unit = SoftwareUnit(unit_m=0.0001)
    with RealSenseDriver("rs", settings(), context=Context(unit)) as device:
        device.start()
        unit.send([1])
        frame = take(device, 2)["rs/depth"][0]
        assert "rounded to millimetres" in device._description.info.note
    expected = np.rint(unit.depth_image(1) / 10)
    np.testing.assert_array_equal(depth_codec.decode(frame.data, *DEPTH_SIZE[::-1]), expected)


def test_depth_beyond_what_16_bits_hold_is_missing_not_wrapped():
    np.testing.assert_array_equal(depth_mm(np.array([[100, 30000, 40000]], np.uint16), 0.002), [[200, 60000, 0]])


@pytest.mark.parametrize("format", ["bgr8", "yuyv"])
def test_other_formats_of_colour_give_the_same_picture(format):
    unit = SoftwareUnit(format=format)
    with RealSenseDriver("rs", settings(), context=Context(unit)) as device:
        device.start()
        unit.send([3])
        picture = simplejpeg.decode_jpeg(take(device, 2)["rs/color"][0].data).mean((0, 1))
    # YUY2 has luma 16 to 235 for 0 to 255; a JPEG of a flat picture is right to 3 counts
    expected = (52, 90, 200) if format == "bgr8" else [(52 - 16) * 255 / 219] * 3
    np.testing.assert_allclose(picture, expected, atol=3)


def test_depth_and_colour_of_one_sensor_are_opened_together():
    unit = SoftwareUnit(one_sensor=True)
    with RealSenseDriver("rs", settings(exposure_us=5000, color_exposure_us=9000), context=Context(unit)) as device:
        assert unit.depth.get_option(rs.option.exposure) == 5000
        device.start()
        unit.send([1, 2])
        assert {stream: len(frames) for stream, frames in take(device, 4).items()} == {"rs/depth": 2, "rs/color": 2}


def test_lost_frames_are_counted_and_the_same_device_starts_again(unit):
    with RealSenseDriver("rs", settings(), context=Context(unit)) as device:
        device.start()
        unit.send([1, 2, 5, 6])
        take(device, 8)
        assert device.health().streams["rs/depth"].missed == 2
        device.stop()
        device.start()
        unit.send([30, 31])
        assert len(take(device, 4)["rs/color"]) == 2
        assert device.health().dropped == 0


def test_an_unplugged_unit_is_lost_after_its_frames_and_can_be_opened_again(unit):
    context = Context(unit)
    device = RealSenseDriver("rs", settings(), context=context)
    device.open()
    device.start()
    unit.send([1, 2])
    time.sleep(0.1)
    context.unplug(unit)
    assert len([device.next_frame(0.1) for _ in range(4)]) == 4
    with pytest.raises(DeviceLost, match="rs: the unit was unplugged"):
        device.next_frame(1.0)
    assert "unplugged" in device.health().message
    device.close()
    with pytest.raises(DeviceError, match="no RealSense unit is attached"):
        device.open()
    again = SoftwareUnit()
    context.units.append(again)
    device.open()
    device.start()
    again.send([1])
    assert len(take(device, 2)) == 2
    device.close()


def test_a_rig_records_two_units_and_opens_one_again_that_was_unplugged(tmp_path):
    units = [SoftwareUnit("1"), SoftwareUnit("2")]
    context = Context(*units)
    roles = ("master", "subordinate")
    devices = [
        RealSenseDriver(f"rs{i}", settings(serial=str(i + 1), sync=role), context=context)
        for i, role in enumerate(roles)
    ]
    rig = LiveRig(devices, restart=RestartPolicy(pause_s=0.05))
    with rig:
        rig.start()
        recorder = Recorder(rig, tmp_path / "take")
        recorder.start()
        for number in range(1, 11):
            for unit in units:
                unit.send([number], pause_s=0.004)
        context.unplug(units[1])
        again = SoftwareUnit("2")
        context.units.append(again)
        until = time.monotonic() + 5
        while not any("opened again after" in str(e) for e in rig.events) and time.monotonic() < until:
            time.sleep(0.02)
        for number in range(20, 26):
            again.send([number], pause_s=0.004)
        time.sleep(0.3)
        session = recorder.stop().session
    frames = {name: stream.frames for name, stream in session.streams.items()}
    assert frames == {"rs0/depth": 10, "rs0/color": 10, "rs1/depth": 16, "rs1/color": 16}
    times = session.timestamps_us("rs1/depth")[0].tolist()
    assert times == [exposed_us(number) for number in [*range(1, 11), *range(20, 26)]]


def test_frames_without_hardware_time_are_taken_and_it_is_said(unit):
    with RealSenseDriver("rs", settings(), context=Context(unit)) as device:
        device.start()
        unit.send([1], domain=rs.timestamp_domain.system_time, sensor_time=False)
        frames = take(device, 2)
        assert frames["rs/depth"][0].device_us == round(1e6 + 1e6 / 30)
        assert "without hardware time" in device.health().message


def test_the_units_counter_is_taken_where_the_sdk_fitted_a_clock(unit):
    with RealSenseDriver("rs", settings(), context=Context(unit)) as device:
        device.start()
        unit.send([1], domain=rs.timestamp_domain.global_time)
        assert {f.device_us for frames in take(device, 2).values() for f in frames} == {exposed_us(1)}
        assert device.health().message == ""


def test_the_clock_goes_on_where_the_units_counter_begins_anew():
    clock = UnitClock()
    wrap = 1 << 32
    readings = [wrap - 40_000, wrap - 33_000, 500, wrap - 6_000, 33_000]  # depth and colour, not quite in order
    assert np.diff([clock.unwrapped(raw) for raw in readings]).tolist() == [7_000, 33_500, -6_500, 39_000]
    fresh = UnitClock()
    assert min(fresh.unwrapped(200), fresh.unwrapped(wrap - 5_000)) >= 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"serial": "777"}, "no RealSense unit 777 is attached .there: 923322071234"),
        ({"depth_size": (640, 480)}, "no depth of 640x480 at 30 Hz; it has 64x48 at that rate"),
        ({"color_size": (640, 480)}, "no color of 640x480"),
        ({"rate_hz": 90}, "at 90 Hz; it has 30 Hz"),
    ],
)
def test_what_the_unit_does_not_have_is_refused_in_one_sentence(unit, change, says):
    with pytest.raises(DeviceError, match=says) as caught:
        RealSenseDriver("rs", settings(**change), context=Context(unit)).open()
    assert "\n" not in str(caught.value)


def test_the_health_of_a_closed_device_can_be_asked_for_without_the_package(monkeypatch):
    monkeypatch.setattr("capture.realsense.sdk.PACKAGE", "no_such_package")
    device = RealSenseDriver("rs", settings())
    assert device.health().state == "closed"
    with pytest.raises(DeviceError, match="pip install"):
        device.open()


def test_several_units_need_a_serial():
    units = [SoftwareUnit("1"), SoftwareUnit("2")]
    with pytest.raises(DeviceError, match=r"several .*1, 2.*; write the serial"):
        RealSenseDriver("rs", settings(), context=Context(*units)).open()
    assert RealSenseDriver("rs", settings(serial="2"), context=Context(*units)).open().info.serial == "2"


def test_without_a_unit_the_sdk_itself_finds_none():
    with pytest.raises(DeviceError, match="no RealSense unit"):
        RealSenseDriver("rs", settings(serial="000000000000")).open()
    assert discover().unavailable == ""


def test_discovery_tells_what_is_wrong():
    (found,) = discover(Context(SoftwareUnit(usb="2.1"))).devices
    assert (found.serial, found.model) == ("923322071234", "Intel RealSense D455")
    assert any("USB 2.1" in problem for problem in found.problems)
    assert any("5.15.0.2 is older than 5.16.0.1" in problem for problem in found.problems)


def test_discovery_without_the_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("capture.realsense.sdk.PACKAGE", "no_such_package")
    assert "pip install" in discover().unavailable


@pytest.mark.parametrize("change", [{"sync": "slave"}, {"rate_hz": 0}, {"jpeg_quality": 101}, {"exposure": 1}])
def test_settings_that_cannot_be_are_refused(change):
    with pytest.raises(ValidationError):
        RealSenseSettings(**change)
