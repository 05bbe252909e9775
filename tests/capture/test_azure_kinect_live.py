"""The live Azure Kinect loop, untouched, against a compiled stand-in of the SDK's device interface."""

import json
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from k4a_stand_in.stand_in import DEPTH_CAMERA, PICTURES, T_DEPTH_COLOR, StandIn, build, depth_pattern

from capture import depth_codec
from capture.azure_kinect.chain import chain_settings
from capture.azure_kinect.driver import KinectDriver
from capture.azure_kinect.settings import KinectSettings
from capture.device import DeviceError, DeviceLost

SETTINGS = KinectSettings(color_resolution="720P", depth_mode="NFOV_2X2BINNED", imu=False)
FIRST_US, PERIOD_US = 66_666, 33_333  # the stand-in's


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("k4a"))


@pytest.fixture
def stand_in(built):
    found = StandIn(built)
    yield found
    assert found.outstanding == 0  # every image was given back


def driver(stand_in, settings=SETTINGS, name="kinect_000"):
    return KinectDriver(name, settings, library=stand_in.library)


def take(device, count, kinds=("color", "depth", "ir")):
    """The next frames of image streams."""
    frames, until = [], time.monotonic() + 5
    while len(frames) < count and time.monotonic() < until:
        frame = device.next_frame(1.0)
        if frame is not None and frame.stream.rsplit("/", 1)[1] in kinds:
            frames.append(frame)
    assert len(frames) == count
    return frames


def lost_message(device):
    """What is said once the device is gone, after the frames that came before."""
    with pytest.raises(DeviceLost) as caught:
        exhaust(device)
    return str(caught.value)


def exhaust(device):
    while device.next_frame(3.0) is not None:
        pass


def open_and_start(device):
    device.open()
    device.start()


def test_every_frame_is_delivered_as_it_was(stand_in):
    stand_in.add("000123")
    with driver(stand_in, replace(SETTINGS, infrared=True, imu=True)) as device:
        description = device._description
        device.start()
        frames = take(device, 12)
        imu = take(device, 3, kinds=("imu",))
        health = device.health()
        device.stop()
    assert [s.name for s in description.streams] == [f"kinect_000/{k}" for k in ("color", "depth", "ir", "imu")]
    assert (description.info.serial, description.info.clock, description.info.sync) == (
        "000123", "kinect_000", "standalone",
    )  # fmt: skip
    assert description.info.firmware == "color 1.6.110, depth 1.6.79"
    assert json.loads(description.attachments["kinect_000/calibration.json"])["CalibrationInformation"]["Cameras"]
    cameras = {camera.name: camera for camera in description.cameras}
    np.testing.assert_allclose(cameras["kinect_000/color"].T_world_camera, T_DEPTH_COLOR, atol=1e-9)
    np.testing.assert_allclose(cameras["kinect_000/ir"].K, DEPTH_CAMERA.K, atol=1e-9)
    for frame in frames:
        kind, k = frame.stream.rsplit("/", 1)[1], frame.sequence
        assert frame.device_us == FIRST_US + k * PERIOD_US
        assert abs(frame.host_us - time.monotonic_ns() // 1000) < 5_000_000
        if kind == "color":
            assert frame.data == PICTURES[k % len(PICTURES)]
        else:
            np.testing.assert_array_equal(depth_codec.decode(frame.data, 288, 320), depth_pattern(0, k, kind))
    assert sorted({frame.sequence for frame in frames}) == [0, 1, 2, 3]
    at_us = FIRST_US + 4808 * imu[0].sequence
    assert json.loads(imu[0].data) == {
        "acc_us": at_us, "acc_mss": [0.5, 1.0, -9.75], "gyro_us": at_us + 10, "gyro_rads": [0.0, 0.25, 0.0],
    }  # fmt: skip
    assert (health.temperature_c, health.message, health.stalled) == (31.5, "", False)
    assert [health.streams[f"kinect_000/{kind}"].dropped for kind in ("color", "depth", "ir")] == [0, 0, 0]
    assert device.exposure_us == 10_000  # the step above the 8000 us asked for, at 50 Hz
    order = [call.split()[0] for call in stand_in.calls]
    assert order == ["open", "control", "control", "control", "start", "imu", "stop_imu", "stop", "close"]
    assert [call.split()[2] for call in stand_in.calls if call.startswith("control")] == ["9", "0", "6"]


def test_a_chain_is_in_step(stand_in):
    stand_in.chain(4)
    stand_in.add("000777", busy=1)  # somebody else's
    settings = chain_settings([f"k{i}" for i in range(4)], SETTINGS)
    devices = [driver(stand_in, replace(s, serial=f"{i:06d}"), name) for i, (name, s) in enumerate(settings.items())]
    for device in reversed(devices):
        device.open()
    for device in devices[1:]:
        device.start()
    assert devices[2].next_frame(0.1) is None  # no pulse yet
    time.sleep(1.0)
    waiting = devices[2].health()
    assert waiting.stalled
    assert "waits for the pulse of its master" in waiting.message
    devices[0].start()
    frames = [take(device, 6) for device in devices]
    for device in devices:
        device.close()
    assert [d._description.info.sync for d in devices] == ["master", *["subordinate"] * 3]
    assert {d._description.info.clock for d in devices} == {"pulse"}
    for k, found in enumerate(frames):
        assert devices[k]._description.streams[1].delay_us == 160 * k
        for frame in found:
            delay = 160 * k if frame.stream.endswith("depth") else 0
            assert frame.device_us == FIRST_US + frame.sequence * PERIOD_US + delay
    assert [call for call in stand_in.calls if call.startswith("start")] == [f"start 00000{k}" for k in (1, 2, 3, 0)]


@pytest.mark.parametrize(
    ("faults", "settings", "message"),
    [
        ({"busy": 1}, {}, "kinect_000 cannot be opened: libusb device.s. are all unavalable; close programs that use"),
        ({"calibration_fails": 1}, {}, "does not tell its factory calibration: Calibration data crc mismatch"),
        ({}, {"serial": "9"}, "no Azure Kinect with serial '9' .attached: 000123.; check its cable"),
        ({"unplugged": 1}, {}, "no Azure Kinect is attached"),
        ({}, {"sync": "master"}, "is the master, but no cable is in its socket 'Sync out'; plug it in"),
        ({}, {"sync": "subordinate"}, "is the subordinate, but no cable is in its socket 'Sync in'"),
        ({"no_display": 1}, {}, "does not start: Depth engine .* error code: 204; depth needs OpenGL and an X display"),
        (
            {"control_fails": 0},
            {},
            "refuses exposure_us 8000: Failed to set control: Input/output error; check its USB",
        ),
        ({"imu_fails": 1}, {"imu": True}, "does not start its IMU: called while the color/depth camera is not running"),
    ],
)
def test_an_error_carries_the_sdks_reason(stand_in, capfd, faults, settings, message):
    stand_in.add("000123", **faults)
    device = driver(stand_in, replace(SETTINGS, **settings))
    with pytest.raises(DeviceError, match=message):
        open_and_start(device)
    device.close()
    assert stand_in.library.c.k4a_device_get_installed_count() == (0 if "unplugged" in faults else 1)
    opened = [call for call in stand_in.calls if call.split()[0] in ("open", "close")]
    assert len(opened) % 2 == 0  # whatever was claimed was given back
    assert capfd.readouterr() == ("", "")


def test_two_devices_and_no_serial(stand_in):
    stand_in.add("000001")
    stand_in.add("000002")
    with pytest.raises(DeviceError, match="2 Azure Kinects are attached and no serial is set"):
        driver(stand_in).open()


def test_a_calibration_that_cannot_be_read(stand_in):
    stand_in.add("000001", calibration='{"half":')
    with pytest.raises(DeviceError, match="factory calibration: not a complete JSON"):
        driver(stand_in).open()
    assert stand_in.calls == ["open 000001", "close 000001"]


def test_it_starts_again_and_opens_again(stand_in):
    stand_in.add("000123")
    device = driver(stand_in)
    for _ in range(2):
        device.open()
        for _ in range(2):
            device.start()
            assert take(device, 2)[0].sequence == 0
            device.stop()
        device.close()
    assert [call.split()[0] for call in stand_in.calls if "control" not in call] == [
        "open", "start", "stop", "start", "stop", "close",
    ] * 2  # fmt: skip


def test_an_unplugged_device_says_so_and_comes_back(stand_in):
    stand_in.add("000123", lose_at=3, stall_once=1)
    with driver(stand_in) as device:
        device.start()
        message = lost_message(device)
        assert "kinect_000: gives no more images: LIBUSB transfer failed: LIBUSB_ERROR_NO_DEVICE" in message
        assert "check its USB cable and power" in message
        assert device.health().delivered == 6
        device.close()
        stand_in.set(0, unplugged=0)
        device.open()
        device.start()
        take(device, 8)


def test_lost_images_are_counted(stand_in):
    stand_in.add("000123", drop_from=2, drop_to=5, only_color_from=6, only_color_to=7)
    with driver(stand_in) as device:
        device.start()
        frames = take(device, 11)
        counts = device.health().streams
    assert [f.sequence for f in frames if f.stream.endswith("color")] == [0, 1, 5, 6, 7, 8]
    assert [f.sequence for f in frames if f.stream.endswith("depth")] == [0, 1, 5, 7, 8]
    assert counts["kinect_000/color"].missed == 3
    assert counts["kinect_000/depth"].missed == 4


@pytest.mark.parametrize(
    ("faults", "stream", "message"),
    [
        (
            {"bad_depth_from": 1, "bad_depth_to": 3},
            "depth",
            "2 bad depth images left out, the last: a depth image of 12 ",
        ),
        ({"wrong_size_from": 1, "wrong_size_to": 3}, "depth", "a depth image of 160x288 pixels came, 320x288 expected"),
        ({"bad_color_from": 1, "bad_color_to": 3}, "color", "2 bad color images left out, .* that is no JPEG"),
    ],
)
def test_images_of_a_bad_size_are_left_out_and_told(stand_in, faults, stream, message):
    stand_in.add("000123", **faults)
    with driver(stand_in) as device:
        device.start()
        frames = take(device, 10)
        health = device.health()
    assert [f.sequence for f in frames if f.stream.endswith(stream)][:3] == [0, 3, 4]
    assert health.streams[f"kinect_000/{stream}"].missed == 2
    assert re.search(message, health.message)


@pytest.mark.slow
def test_a_device_that_gives_only_bad_images_is_given_up(stand_in):
    stand_in.add("000123", bad_depth_from=0)
    with driver(stand_in) as device:
        device.start()
        assert "gave 30 bad images in a row: a depth image of 12 bytes came, 184320 expected" in lost_message(device)


@pytest.mark.slow
def test_a_stall_is_seen_though_inertial_samples_go_on(stand_in):
    stand_in.add("000123", stall_at=2)
    with driver(stand_in, replace(SETTINGS, imu=True)) as device:
        device.start()
        take(device, 4)
        assert not device.health().stalled
        time.sleep(2.2)
        health = device.health()
    assert health.stalled
    assert health.streams["kinect_000/imu"].delivered > 50  # until a second after the last image


def test_rows_with_padding_a_reset_clock_and_an_unexpected_exposure(stand_in):
    stand_in.add("000123", padding=64, clock_back_at=3, exposure=500, no_host_time=1)
    with driver(stand_in) as device:
        device.start()
        frames = take(device, 10)
        message = device.health().message
    np.testing.assert_array_equal(
        depth_codec.decode(next(f.data for f in frames if f.stream.endswith("depth")), 288, 320), depth_pattern(0, 0)
    )
    assert [f.sequence for f in frames if f.stream.endswith("color")] == [0, 1, 2, 3, 4]
    assert "its clock jumped back" in message
    assert "exposes for 500 us, 10000 us was expected" in message
    assert all(abs(f.host_us - time.monotonic_ns() // 1000) < 5_000_000 for f in frames)


def test_devices_are_found_again_without_asking_all(stand_in):
    stand_in.chain(4)
    devices = [driver(stand_in, replace(SETTINGS, serial=f"00000{k}"), f"k{k}") for k in (3, 1, 0, 2)]
    for device in devices:
        assert device.open().info.serial == device.settings.serial
    # the first asks 0, 1 and 2 before it finds its own; the others go where theirs was seen
    assert stand_in.calls.count("open 000000") == 2
    assert len([call for call in stand_in.calls if call.startswith("open")]) == 7
    for device in devices:
        device.close()


def test_a_subordinate_that_is_started_after_its_master_says_so(stand_in):
    """The rule of the maker: the master last. Else the devices' times have nothing to do with each other."""
    stand_in.chain(2)
    chain = chain_settings(["k0", "k1"], SETTINGS)
    master, subordinate = (
        driver(stand_in, replace(s, serial=f"00000{k}"), n) for k, (n, s) in enumerate(chain.items())
    )
    for device in (master, subordinate):
        device.open()
    subordinate.start()
    master.start()
    take(subordinate, 2)
    assert subordinate.health().message == ""
    subordinate.stop()
    subordinate.start()
    assert subordinate.health().message.startswith("was started after its master k0: its clock began at another pulse")
    master.close()
    subordinate.stop()
    subordinate.start()
    assert subordinate.health().message == ""
    subordinate.close()


def test_infrared_alone(stand_in):
    stand_in.add("000123")
    settings = replace(SETTINGS, color_resolution="OFF", depth_mode="PASSIVE_IR", rate_hz=5)
    with driver(stand_in, settings) as device:
        description = device._description
        device.start()
        frames = take(device, 2)
    assert [(s.name, s.width, s.height) for s in description.streams] == [("kinect_000/ir", 1024, 1024)]
    assert [camera.name for camera in description.cameras] == ["kinect_000/ir"]
    assert [f.device_us for f in frames] == [FIRST_US, FIRST_US + 200_000]
    image = depth_codec.decode(frames[1].data, 1024, 1024)
    np.testing.assert_array_equal(image, depth_pattern(0, 1, "ir", 1024, 1024))
    assert not any(call.startswith("control") for call in stand_in.calls)  # they are the colour camera's


def test_what_the_sdk_complains_of_while_it_runs_is_told(stand_in):
    """The first sign of a device that will stall: issues 1112 and 1199 of the SDK."""
    stand_in.add("000123", complain_at=2)
    with driver(stand_in) as device:
        device.start()
        take(device, 2)
        assert device.health().message == ""
        take(device, 6)
        message = device.health().message
    assert message.startswith("the SDK says of one of its devices: capturesync_drop, releasing capture early")
    assert "the computer does not keep up" in message
