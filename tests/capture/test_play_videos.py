"""A session of video files plays as a rig, so that other rigs' recordings can be recorded again and judged."""

import numpy as np
import pytest
import simplejpeg

from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.virtual.rig_playback import open_virtual_devices


@pytest.fixture
def folder(tmp_path, video):
    streams = []
    for name in ("cam01", "cam02"):
        video.write(tmp_path / "take" / "recording" / f"{name}.mp4", frames=20)
        streams.append(
            StreamInfo(
                name=f"{name}/color", kind="color", file=f"recording/{name}.mp4", encoding="video", frames=20,
                width=64, height=48, rate_hz=30.0,
            )
        )  # fmt: skip
    devices = [DeviceInfo(name="cam01"), DeviceInfo(name="cam02")]
    Session.create(tmp_path / "take", streams=streams, devices=devices, origin="videos")
    return tmp_path / "take"


def test_pictures_come_in_order_as_jpeg_and_begin_again(folder, video):
    devices = open_virtual_devices(folder, speed=float("inf"), loops=2)
    descriptions = [device.open() for device in devices]
    assert {s.encoding for d in descriptions for s in d.streams} == {"jpeg"}
    for device in devices:
        device.start()
    for device in devices:
        frames = list(device.frames())
        device.close()
        numbers = [video.number(simplejpeg.decode_jpeg(frame.data)) for frame in frames]
        assert numbers == [*range(20), *range(20)]
        steps = np.diff([frame.device_us for frame in frames])
        assert steps.min() > 30_000
        assert steps.max() < 36_000  # 33 333 us, and no gap where it begins again
    assert [f.stream for f in frames] == ["cam02/color"] * 40


def test_a_device_can_be_opened_again(folder, video):
    device = open_virtual_devices(folder, speed=float("inf"))[0]
    for _ in range(2):
        device.open()
        device.start()
        assert len(list(device.frames())) == 20
        device.close()
