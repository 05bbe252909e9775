"""The Record3D driver on a stand-in with the package's interface: no phone was at hand."""

import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import simplejpeg

from capture import depth_codec
from capture.device import DeviceError, DeviceLost
from capture.iphone import record3d_phones, record3d_usb
from capture.iphone.message import PhoneMessage
from capture.iphone.record3d_phones import discover
from capture.iphone.record3d_usb import Record3dDriver


@pytest.fixture(autouse=True)
def quick_look(monkeypatch):
    monkeypatch.setattr(record3d_usb, "RATE_S", 0.05)


def phone_library(*udids, sends=True, confidence=True):
    """A class like `Record3DStream`: each object sends what `send` is given, on a thread of its own."""

    class Stream:
        opened = []  # noqa: RUF012

        def __init__(self):
            self.on_new_frame = self.on_stream_stopped = None
            self.number, self.connected = 0, False

        @staticmethod
        def get_connected_devices():
            return [SimpleNamespace(product_id=index, udid=udid) for index, udid in enumerate(udids)]

        def connect(self, phone):
            self.connected, self.phone = True, phone
            Stream.opened.append(self)
            if sends:
                threading.Thread(target=self.send, args=([0],)).start()
            return True

        def disconnect(self):
            self.connected = False

        def send(self, numbers, pause_s=0.0):
            for self.number in numbers:
                self.on_new_frame()
                time.sleep(pause_s)

        def get_rgb_frame(self):
            return np.full((72, 96, 3), (10 + self.number, 100, 200), np.uint8)

        def get_depth_frame(self):
            depth = np.full((24, 32), 1.5004 + 0.01 * self.number, np.float32)
            depth[0] = np.nan
            return depth

        def get_confidence_frame(self):
            return np.full((24, 32), self.number % 3, np.uint8) if confidence else np.zeros((0, 0), np.uint8)

        def get_intrinsic_mat(self):
            return SimpleNamespace(fx=70.0 + self.number, fy=71.0, tx=47.5, ty=35.5)

        def get_camera_pose(self):
            half = 0.1 * self.number
            return SimpleNamespace(qx=0.0, qy=np.sin(half), qz=0.0, qw=np.cos(half), tx=1.0, ty=2.0, tz=self.number)

    return Stream


def take(device, count):
    """That many frames by stream."""
    found = {}
    for _ in range(count):
        frame = device.next_frame(2.0)
        assert frame is not None
        found.setdefault(frame.stream, []).append(frame)
    return found


def test_a_frame_is_one_message_a_stream_with_one_time():
    library = phone_library("00008101-A")
    with Record3dDriver("iphone_000", library=library) as device:
        description = device._description
        assert description.info.serial == "00008101-A"
        assert "device time is the host's at arrival" in description.info.note
        assert {s.name: (s.width, s.height) for s in description.streams} == {
            "iphone_000/color": (96, 72),
            "iphone_000/depth": (32, 24),
            "iphone_000/imu": (None, None),
        }
        np.testing.assert_allclose(description.cameras[1].K[0], [70 / 3, 0, (47.5 + 0.5) / 3 - 0.5])
        device.start()
        before_us = time.monotonic_ns() // 1000
        library.opened[0].send(range(1, 6), pause_s=0.03)
        found = take(device, 15)
        for index, number in enumerate(range(1, 6)):
            color, depth, imu = (found[f"iphone_000/{kind}"][index] for kind in ("color", "depth", "imu"))
            assert color.device_us == depth.device_us == imu.device_us == imu.host_us
            assert before_us <= imu.device_us <= time.monotonic_ns() // 1000
            assert color.sequence == depth.sequence == imu.sequence == number + 1  # open took the first
            np.testing.assert_allclose(simplejpeg.decode_jpeg(color.data).mean((0, 1)), (10 + number, 100, 200), atol=3)
            mm = depth_codec.decode(depth.data, 24, 32)
            assert (mm[0] == 0).all()
            assert (mm[1:] == 1500 + 10 * number).all()
            message = PhoneMessage.of(json.loads(imu.data))
            assert message.K[0, 0] == 70 + number
            assert (message.confidence == number % 3).all()
            np.testing.assert_allclose(message.T_arkit_camera[:3, 3], [1, 2, number])
            assert message.T_arkit_camera[0, 2] == pytest.approx(np.sin(0.2 * number))
        device.stop()
        device.start()
        library.opened[0].send([9])
        assert take(device, 3)["iphone_000/imu"][0].sequence == 7
    assert not library.opened[0].connected


def test_frames_that_come_faster_than_they_are_compressed_are_counted(monkeypatch):
    library = phone_library("a")
    monkeypatch.setattr(record3d_usb, "encode_snapshot", lambda taken: time.sleep(0.05) or {"depth": b"x"})
    with Record3dDriver("iphone", library=library) as device:
        device.start()
        library.opened[0].send(range(1, 13))
        time.sleep(0.6)
        library.opened[0].send([20])
        time.sleep(0.2)
        counts = device.health().streams["iphone/depth"]
        assert counts.missed >= 6  # four wait, one or two are being compressed
        assert counts.delivered + counts.missed == 13


@pytest.mark.parametrize(("pause_s", "rate_hz"), [(1 / 30, 30), (1 / 70, 60)])
def test_the_rate_is_seen_when_it_is_opened(monkeypatch, pause_s, rate_hz):
    monkeypatch.setattr(record3d_usb, "RATE_S", 0.4)
    library = phone_library("a")
    monkeypatch.setattr(library, "connect", lambda self, phone: threading.Thread(
        target=self.send, args=(range(60),), kwargs={"pause_s": pause_s}, daemon=True).start() or True)  # fmt: skip
    device = Record3dDriver("iphone", library=library)
    assert device.open().streams[0].rate_hz == rate_hz
    device.close()


def test_a_phone_that_stops_is_lost_after_its_frames():
    library = phone_library("a")
    with Record3dDriver("iphone", library=library) as device:
        device.start()
        library.opened[0].send([1])
        take(device, 3)
        library.opened[0].on_stream_stopped()
        with pytest.raises(DeviceLost, match="stopped sending"):
            device.next_frame(1.0)
        device.stop()
        with pytest.raises(DeviceError, match="no longer sends"):
            device.start()


def test_images_that_change_their_size_end_the_take(monkeypatch):
    library = phone_library("a")
    with Record3dDriver("iphone", library=library) as device:
        device.start()
        monkeypatch.setattr(library, "get_depth_frame", lambda self: np.ones((32, 24), np.float32))
        library.opened[0].send([1])
        with pytest.raises(DeviceLost, match="changed its images"):
            device.next_frame(2.0)


def test_a_phone_without_confidence_sends_none():
    library = phone_library("a", confidence=False)
    with Record3dDriver("iphone", library=library) as device:
        device.start()
        library.opened[0].send([1])
        data = take(device, 3)["iphone/imu"][0].data
    assert PhoneMessage.of(json.loads(data)).confidence.size == 0


@pytest.mark.parametrize(
    ("udids", "serial", "says"),
    [
        ((), "", "no iPhone is connected; plug one in"),
        (("a",), "b", r"no iPhone b is connected \(there: a\)"),
        (("a", "b"), "", r"several iPhones are connected \(a, b\)"),
    ],
)
def test_the_wrong_number_of_phones_gives_one_sentence(udids, serial, says):
    with pytest.raises(DeviceError, match=says):
        Record3dDriver("iphone", serial, library=phone_library(*udids)).open()


def test_a_phone_that_sends_nothing_is_told_what_to_press(monkeypatch):
    monkeypatch.setattr(record3d_usb, "FIRST_FRAME_S", 0.1)
    library = phone_library("a", sends=False)
    device = Record3dDriver("iphone", library=library)
    with pytest.raises(DeviceError, match="press its record button"):
        device.open()
    assert not library.opened[0].connected


def test_a_phone_that_refuses_is_given_back(monkeypatch):
    library = phone_library("a")
    monkeypatch.setattr(library, "connect", lambda self, phone: library.opened.append(self) or False)
    with pytest.raises(DeviceError, match="the phone a refuses"):
        Record3dDriver("iphone", library=library).open()
    assert not library.opened[0].connected


def test_a_missing_package_or_daemon_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(record3d_phones, "PACKAGE", "no_such_package")
    with pytest.raises(DeviceError, match=r"humanrig\[record3d\]"):
        Record3dDriver("iphone").open()
    assert "no_such_package" in discover().unavailable
    monkeypatch.undo()
    pytest.importorskip("record3d")
    monkeypatch.setattr(record3d_phones, "SOCKET", tmp_path / "none")
    monkeypatch.setattr(record3d_phones.sys, "platform", "linux")
    with pytest.raises(DeviceError, match="usbmuxd does not run"):
        Record3dDriver("iphone").open()


def test_the_real_package_has_the_interface_and_finds_no_phone(monkeypatch, tmp_path):
    record3d = pytest.importorskip("record3d")
    monkeypatch.setattr(record3d_phones, "SOCKET", tmp_path)
    if record3d.Record3DStream.get_connected_devices():
        pytest.skip("a phone is connected")
    assert {name for name in dir(phone_library("a")) if name[0] != "_"} - {"send", "opened"} <= {
        *dir(record3d.Record3DStream),
        "on_new_frame",
        "on_stream_stopped",
    }
    assert discover().devices == ()
    with pytest.raises(DeviceError, match="no iPhone is connected"):
        Record3dDriver("iphone").open()
