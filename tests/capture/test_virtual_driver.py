"""Virtual devices: a session plays back as a rig, in real time, with its faults; what is recorded of it pairs."""

import threading
import time

import numpy as np
import pytest

from capture.device import DeviceDescription, DeviceError, DeviceLost, DeviceStream
from capture.errors import CaptureError
from capture.frame_sets import HOLE
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo
from capture.synchronisation import session_frame_sets
from capture.virtual.clocks import ClockEffects, draw_clocks
from capture.virtual.driver import RigTime, VirtualDriver
from capture.virtual.frame_sources import RecordedFrames, RenderedFrames
from capture.virtual.rig_playback import open_virtual_devices

UNPACED = float("inf")
FRAMES = 40
PERIOD_US = 33_333


def streams_of(device, delay_us=0):
    color = DeviceStream(name=f"{device}/color", kind="color", encoding="jpeg", rate_hz=30.0, width=8, height=8)
    depth = DeviceStream(
        name=f"{device}/depth", kind="depth", encoding="dzp", rate_hz=30.0, width=8, height=8, delay_us=delay_us
    )
    return color, depth


def payload(stream, index, size):
    return f"{stream} {index} ".encode().ljust(size, b".")


def write_session(folder, devices=4, frames=FRAMES, sizes=(64, 64), delays=False):
    """A session whose payloads say their stream and number."""
    streams = [s for d in range(devices) for s in streams_of(f"kinect_{d:03d}", delay_us=200 * d if delays else 0)]
    with McapWriter(folder / "recording" / "rig.mcap", {"kinect_001/calibration.json": b"{}"}) as writer:
        for stream in streams:
            writer.add_stream(f"/{stream.name}", stream.encoding)
        for k in range(frames):
            for stream in streams:
                us = 1_000_000 + k * PERIOD_US + stream.delay_us
                data = payload(stream.name, k, sizes[stream.kind == "depth"])
                writer.write(f"/{stream.name}", data, device_us=us, host_us=us + 40_000_000)
    Session.create(
        folder,
        streams=[s.recorded("recording/rig.mcap", frames) for s in streams],
        devices=[
            DeviceInfo(name=f"kinect_{d:03d}", serial=str(d), sync="subordinate" if d else "master")
            for d in range(devices)
        ],
        origin="virtual",
    )
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_session(tmp_path_factory.mktemp("driver") / "take")


def start(devices):
    """As a rig must: subordinates first, the master last."""
    descriptions = [device.open() for device in devices]
    for device in reversed(devices):
        device.start()
    return descriptions


def record(folder, devices):
    """The smallest recorder: one thread for each device, one file, session.toml at the end."""
    descriptions = start(devices)
    attachments = {name: data for d in descriptions for name, data in d.attachments.items()}
    lock = threading.Lock()
    with McapWriter(folder / "recording" / "rig.mcap", attachments) as writer:
        for description in descriptions:
            for stream in description.streams:
                writer.add_stream(f"/{stream.name}", stream.encoding)

        def drain(device):
            for frame in device.frames():
                with lock:
                    writer.write(f"/{frame.stream}", frame.data, device_us=frame.device_us, host_us=frame.host_us)

        threads = [threading.Thread(target=drain, args=(device,)) for device in devices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts = writer.counts
    streams = [s.recorded("recording/rig.mcap", counts[f"/{s.name}"]) for d in descriptions for s in d.streams]
    return Session.create(folder, streams=streams, devices=[d.info for d in descriptions], origin="virtual")


def taken(device):
    frame = device.next_frame(1.0)
    assert frame is not None
    return frame


def said(session, stream, index):
    """Stream and number that the payload of a recorded frame says."""
    name, number, _ = session.recording("recording/rig.mcap").read(f"/{stream}", index).data.split(b" ")
    return name.decode(), int(number)


@pytest.mark.parametrize("speed", [1.0, UNPACED])
def test_what_is_recorded_of_a_faulty_rig_pairs(tmp_path, folder, speed):
    effects = ClockEffects(drop_rate=0.1, stall_device="kinect_002", stall_at_s=0.4, stall_s=0.5, start_frames=3)
    devices = open_virtual_devices(folder, effects, speed=speed, seed=2)
    again = record(tmp_path / "again", devices)
    sets = session_frame_sets(again)
    for instant in sets.instants:
        assert len({said(again, s, i)[1] for s, i in instant.index.items() if i != HOLE}) == 1
    assert sets.figures()["unused_frames"] == 0
    for device in devices:
        for name, times in device.clocked.items():  # the truth: exactly what was to arrive has arrived
            kept = np.flatnonzero(times.delivered)
            assert [said(again, name, k) for k in range(again.streams[name].frames)] == [(name, k) for k in kept]
            assert np.array_equal(again.timestamps_us(name)[0], times.device_us[kept])
            counts = device.health().streams[name]
            assert counts.delivered == len(kept)
            assert counts.overflowed == 0
            assert counts.missed == kept[-1] - kept[0] + 1 - len(kept)
    assert again.recording("recording/rig.mcap").attachments == {"kinect_001/calibration.json": b"{}"}
    assert {d.clock for d in again.devices.values()} == {"pulse"}
    assert again.streams["kinect_003/depth"].delay_us == 480


def test_frames_come_when_they_are_due(folder):
    devices = open_virtual_devices(folder, ClockEffects(start_frames=0))
    start(devices)
    begun = time.monotonic()
    for device in devices:
        for frame in device.frames():
            assert 1e-6 * frame.host_us <= time.monotonic()
    assert 0.95 * FRAMES / 30 < time.monotonic() - begun < FRAMES / 30 + 0.5
    for device in devices:
        assert device.lateness_s.min() >= 0  # never early
        device.close()


def test_speed_is_a_factor(folder):
    devices = open_virtual_devices(folder, speed=8.0)
    start(devices)
    begun = time.monotonic()
    assert sum(len(list(device.frames())) for device in devices) == 4 * 2 * FRAMES
    assert 0.9 * FRAMES / 30 / 8 < time.monotonic() - begun < 1.0


def test_a_stalled_device_says_so_and_comes_back(folder, monkeypatch):
    monkeypatch.setattr("capture.device.STALL_AFTER_S", 0.15)
    effects = ClockEffects(stall_device="kinect_000", stall_at_s=0.3, stall_s=0.5, start_frames=0)
    device = open_virtual_devices(folder, effects)[0]
    start([device])
    states = []
    while not device.ended:
        device.next_frame(0.02)
        stalled = device.health().stalled
        if not states or states[-1] != stalled:
            states.append(stalled)
    assert states == [False, True, False]
    assert device.health().streams["kinect_000/color"].missed == 15


def test_subordinates_wait_for_the_master(folder):
    master, subordinate = open_virtual_devices(folder, ClockEffects.quiet())[:2]
    subordinate.open()
    subordinate.start()
    assert subordinate.next_frame(0.1) is None
    assert subordinate.health().message == "waits for the pulse of the master kinect_000; start the master"
    master.open()
    master.start()
    assert taken(subordinate).sequence == 0
    assert subordinate.health().message == ""
    subordinate.close()
    master.close()


def test_a_full_queue_loses_new_frames_and_counts_them(folder):
    (device, *_) = open_virtual_devices(folder, ClockEffects.quiet(), speed=8.0, queue_bytes=640)
    start([device])
    time.sleep(0.4)
    health = device.health()
    assert health.queued == 10
    assert health.delivered == 10
    assert health.dropped == 2 * FRAMES - 10
    assert [frame.sequence for frame in device.frames()] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_a_device_started_again_goes_on_at_the_present(folder):
    (device, *_) = open_virtual_devices(folder, ClockEffects.quiet())
    start([device])
    assert taken(device).sequence == 0
    device.stop()
    list(device.frames())
    time.sleep(0.3)
    device.start()
    assert taken(device).sequence >= 8  # 0.3 s are 9 frames
    device.close()


def test_without_clocks_the_recorded_times_come_back(tmp_path):
    folder = write_session(tmp_path / "take", devices=2, frames=5, delays=True)
    first, second = open_virtual_devices(folder, speed=UNPACED, loops=2)
    start([first, second])
    frames = [frame for frame in second.frames() if frame.stream.endswith("depth")]
    assert [frame.device_us for frame in frames] == [k * PERIOD_US + 200 for k in range(10)]
    assert [frame.data for frame in frames[5:]] == [frame.data for frame in frames[:5]]
    assert second.clock.delay_us("depth") == 200
    first.close()
    second.close()


def test_stated_delays_win_over_the_clock(tmp_path):
    folder = write_session(tmp_path / "take", devices=2, frames=5, delays=True)
    _, second = open_virtual_devices(folder, ClockEffects())
    assert [s.delay_us for s in second.open().streams] == [0, 200]


def rendered(render, seconds=0.2, name="iphone"):
    streams = (DeviceStream(name=f"{name}/color", kind="color", encoding="jpeg", rate_hz=60.0),)
    description = DeviceDescription(info=DeviceInfo(name=name), streams=streams)
    (clock,) = draw_clocks([], [name], effects=ClockEffects(start_frames=0), seed=0).values()
    return VirtualDriver(name, RenderedFrames(description, render, seconds=seconds, phase_us=500), clock, RigTime())


def test_rendered_frames_play():
    device = rendered(lambda stream, index: f"{stream} {index}".encode())
    assert device.open().info.clock == "iphone"
    device.start()
    assert [frame.data for frame in device.frames()] == [f"iphone/color {k}".encode() for k in range(12)]
    assert device.clocked["iphone/color"].exposed_us[0] == 500


@pytest.mark.parametrize("error", [CaptureError("no picture 3"), ValueError("no picture 3")])
def test_a_source_that_fails_is_a_lost_device(error):
    def render(stream, index):
        if index == 3:
            raise error
        return b"x"

    device = rendered(render)
    device.open()
    device.start()
    with pytest.raises(DeviceLost, match=r"iphone: .*no picture 3"):
        list(device.frames())
    assert "no picture 3" in device.health().message
    device.close()


def test_bad_input(tmp_path, folder):
    session = Session.open(folder)
    with pytest.raises(CaptureError, match="has no device 'kinect_009'; it has kinect_000"):
        RecordedFrames(session, "kinect_009")
    with pytest.raises(CaptureError, match="loops is 0, it must be at least 1"):
        RecordedFrames(session, "kinect_000", loops=0)
    with pytest.raises(CaptureError, match="speed is 0"):
        open_virtual_devices(folder, speed=0.0)
    with pytest.raises(CaptureError, match="there is no session"):
        open_virtual_devices(tmp_path / "nothing")
    moved = write_session(tmp_path / "take", devices=1, frames=2)
    (device,) = open_virtual_devices(moved)
    (moved / "recording" / "rig.mcap").unlink()
    with pytest.raises(DeviceError, match=r"kinect_000: cannot be opened: .*rig.mcap cannot be opened"):
        device.open()
    assert device.health().state == "closed"


@pytest.mark.slow
def test_ten_devices_hold_real_time(tmp_path):
    """Bytes of a real rig: 217 kB of JPEG and 120 kB of depth a frame; the taker only counts."""
    folder = write_session(tmp_path / "take", devices=10, frames=30, sizes=(217_000, 120_000))
    devices = open_virtual_devices(folder, ClockEffects(start_frames=0), loops=4)
    start(devices)
    threads = [threading.Thread(target=lambda d=device: list(map(len_of, d.frames()))) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    late_ms = 1000 * np.concatenate([device.lateness_s for device in devices])
    assert len(late_ms) == 10 * 2 * 120
    assert sum(device.health().dropped for device in devices) == 0
    assert np.percentile(late_ms, 99) < 33.3  # one period, on a machine that others use too
    for device in devices:
        device.close()


def len_of(frame):
    """Touches the bytes and lets them go."""
    return len(frame.data)
