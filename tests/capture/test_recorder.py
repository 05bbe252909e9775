"""A take of virtual devices: everything that arrived is in the session, and what is missing is counted."""

import errno
import os
import time
from dataclasses import replace

import numpy as np
import pytest
from rig_of_frames import depth, jpeg, write_playable

from capture.device import DeviceStateError
from capture.device_frames import EncodedFrame
from capture.errors import CaptureError
from capture.mcap_recording import McapReader
from capture.recorder.frame_queue import FrameQueue
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.recorder.status import RecorderLimits
from capture.session import Session
from capture.virtual.clocks import ClockEffects
from capture.virtual.rig_playback import open_virtual_devices

SMALL = RecorderLimits(least_s=1.0, reserve_bytes=0)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return write_playable(tmp_path_factory.mktemp("recorder") / "take", frames=30)


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


def ready(tmp_path, played, limits=SMALL, **options):
    """A rig that is open and a recorder of it that is not started."""
    rig = LiveRig(open_virtual_devices(played, **options))
    rig.open()
    return rig, Recorder(rig, tmp_path / "take", host="pc", limits=limits)


def feed(recorder, name, sequence, data):
    """A frame as the rig would hand it over."""
    us = 1_000_000 + sequence * 33_333
    recorder._accept(EncodedFrame(stream=name, sequence=sequence, device_us=us, host_us=us, data=data))


def test_a_device_that_returns_bad_sizes_is_left_out_and_named(tmp_path, played):
    rig, recorder = ready(tmp_path, played)
    recorder.start()
    for k in range(4):
        feed(recorder, "kinect_000/depth", k, depth(k))
        feed(recorder, "kinect_001/depth", k, depth(k, size=(8, 8)))
        feed(recorder, "kinect_001/color", k, jpeg(k, size=(16, 16)))
        feed(recorder, "kinect_002/color", k, b"no picture")
        feed(recorder, "kinect_002/depth", k, b"")
        feed(recorder, "nobody/color", k, b"x")
    taken = recorder.stop()
    rig.close()
    frames = {name: stream.frames for name, stream in taken.session.streams.items()}
    assert frames == {**dict.fromkeys(frames, 0), "kinect_000/depth": 4}
    assert taken.figures.streams["kinect_001/depth"].refused == 4
    assert taken.figures.streams["nobody/color"].refused == 4
    assert taken.figures.lost == 20
    said = [str(event) for event in taken.events]
    assert said[0] == (
        "kinect_001: kinect_001/depth sent a dzp image of 128 bytes unpacked, 256 expected; such frames are left out"
    )
    assert "kinect_001/color sent an image of 16x16, it announced 16x8" in said[1]
    assert "what is not a JPEG image" in said[2]
    assert "an empty frame" in said[3]
    assert said[4] == "nobody: nobody/color sent frames of a stream that it did not announce; such frames are left out"
    assert len(said) == 5  # once a stream


def test_a_slow_disk_is_visible_and_costs_counted_frames(tmp_path, played, monkeypatch):
    rig, recorder = ready(tmp_path, played, replace(SMALL, queue_bytes=40 * len(depth(0))))
    recorder.start()
    assert recorder._writer is not None
    write = recorder._writer.write

    def slow(*args, **times):
        time.sleep(0.01)
        write(*args, **times)

    monkeypatch.setattr(recorder._writer, "write", slow)
    for k in range(100):
        feed(recorder, "kinect_000/depth", k, depth(k))
    status = recorder.status()
    assert status.queue_share > 0.5
    assert status.streams["kinect_000/depth"].overflowed >= 50
    assert any("were lost because the disk did not keep up" in text for text in status.problems)
    assert any(text.startswith("the disk is behind") for text in status.problems)
    taken = recorder.stop()
    rig.close()
    stream = taken.figures.streams["kinect_000/depth"]
    assert stream.frames + stream.overflowed == 100
    assert stream.frames == taken.session.streams["kinect_000/depth"].frames
    assert taken.figures.queue_share == 0


@pytest.mark.parametrize("room", ["none", "the index", "the chunk", "all"])
def test_a_disk_that_fills_up_ends_the_take_with_all_that_was_safe(tmp_path, played, monkeypatch, room):
    """After 60 frames the file can grow no more, but, when the reserve is given back, by what `room` says.

    The calls that fail: the chunk that waits, the same again at the end, the closing index (once more without a chunk).
    """
    failing = {"none": range(99), "the index": (0, 1), "the chunk": (0, 2, 3), "all": (0,)}[room]
    monkeypatch.setattr("capture.recorder.recorder.FLUSH_S", 0.05)
    rig, recorder = ready(tmp_path, played)
    recorder.start()
    real, calls, full = os.writev, [], [False]

    def writev(fd, buffers):
        if full[0]:
            calls.append(1)
            if len(calls) - 1 in failing:
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, buffers)

    monkeypatch.setattr(os, "writev", writev)
    for k in range(60):
        feed(recorder, "kinect_000/depth", k, depth(k))
    time.sleep(0.3)  # more than the time in which a chunk is in the file
    full[0] = True
    for k in range(60, 80):
        feed(recorder, "kinect_000/depth", k, depth(k))
    until = time.monotonic() + 5
    while not recorder.status().stopped_because and time.monotonic() < until:
        time.sleep(0.01)
    assert recorder.status().stopped_because == "the disk is full"
    taken = recorder.stop()
    rig.close()
    accepted = recorder._figures._streams["kinect_000/depth"].accepted  # until the take ended itself
    assert 60 < accepted <= 80
    frames = accepted if room in ("the chunk", "all") else 60
    assert taken.session.streams["kinect_000/depth"].frames == frames
    assert taken.figures.streams["kinect_000/depth"].overflowed == accepted - frames
    with McapReader(tmp_path / "take" / "recording" / "pc.mcap") as reader:
        assert reader.count("/kinect_000/depth") == frames
        assert reader.recovered == (room in ("none", "the chunk"))
        reader.verify()
        assert reader.read("/kinect_000/depth", frames - 1).data == depth(frames - 1)
    assert "the recording ended: the disk is full" in [event.text for event in taken.events]
    assert not (tmp_path / "take" / ".reserve").exists()


def test_the_take_ends_by_itself_before_the_disk_is_full(tmp_path, played, monkeypatch):
    monkeypatch.setattr("capture.recorder.recorder.SYNC_S", 0.05)
    rig, recorder = ready(tmp_path, played)
    recorder.start()
    rig.start()
    time.sleep(0.3)
    monkeypatch.setattr("capture.recorder.recorder.free_bytes", lambda folder: -1)
    time.sleep(0.3)
    assert "left on the disk; what was recorded is whole" in recorder.status().stopped_because
    assert rig.running
    taken = recorder.stop()
    rig.close()
    assert taken.figures.lost == 0
    assert taken.session.streams["kinect_000/color"].frames > 3
    with McapReader(tmp_path / "take" / "recording" / "pc.mcap") as reader:
        assert not reader.recovered


def test_a_listener_that_is_slow_does_not_cost_the_recorder_frames(tmp_path, played):
    """5 ms a frame of 120 frames a second and device: late, but none is lost."""
    rig, recorder = ready(tmp_path, played, speed=2.0)
    seen = []

    def listen(frame):
        time.sleep(0.005)
        seen.append(frame.stream)

    rig.attach(listen)
    taken = run(rig, recorder)
    rig.close()
    assert len(seen) == sum(stream.frames for stream in taken.session.streams.values()) == 180
    assert taken.figures.lost == 0
    size = (tmp_path / "take" / "recording" / "pc.mcap").stat().st_size
    assert 0.5 * size < taken.figures.bytes_written < size


def test_refusals(tmp_path, played, monkeypatch):
    rig, recorder = ready(tmp_path, played, RecorderLimits(least_s=1e9))
    with pytest.raises(CaptureError, match=r"take: .* GB are free, enough for .* s of this rig .* must fit"):
        recorder.start()
    assert not (tmp_path / "take").exists()
    with pytest.raises(DeviceStateError, match="nothing is being recorded"):
        recorder.status()
    with pytest.raises(DeviceStateError, match="nothing is being recorded"):
        recorder.stop()
    (tmp_path / "take").mkdir()
    (tmp_path / "take" / "notes.txt").write_text("mine")
    with pytest.raises(CaptureError, match="take exists and is not empty; choose another folder"):
        Recorder(rig, tmp_path / "take", limits=SMALL).start()
    with pytest.raises(CaptureError, match="already is a session; choose another"):
        Recorder(rig, played, limits=SMALL).start()
    (tmp_path / "file").write_text("x")
    with pytest.raises(CaptureError, match=r"cannot be recorded to \(Not a directory\)"):
        Recorder(rig, tmp_path / "file" / "take", limits=SMALL).start()
    assert (tmp_path / "file").read_text() == "x"
    with pytest.raises(CaptureError, match="file exists and is not empty"):
        Recorder(rig, tmp_path / "file", limits=SMALL).start()
    full = Recorder(rig, tmp_path / "full", limits=SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(CaptureError, match=r"cannot be recorded to \(No space left"):
            full.start()
    assert not (tmp_path / "full").exists()
    full.start()  # once there is room
    full.stop()
    again = Recorder(rig, tmp_path / "b", limits=SMALL)
    again.start()
    with pytest.raises(DeviceStateError, match="started already"):
        again.start()
    again.stop()
    rig.close()
    with pytest.raises(DeviceStateError, match="the rig is not open"):
        Recorder(rig, tmp_path / "c", limits=SMALL).start()
    with pytest.raises(CaptureError, match="queue limits must be above 0"):
        RecorderLimits(queue_s=0.0)


def test_the_queue_is_bounded_in_bytes_and_seconds(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    frame = EncodedFrame(stream="a/depth", sequence=0, device_us=0, host_us=0, data=bytes(100))
    queue = FrameQueue(seconds=2.0, capacity=250)
    assert [queue.put(frame) for _ in range(4)] == [True, True, False, False]
    assert queue.figures() == (2, 200, 0.0)
    assert len(queue.take(0.0)) == 2
    assert not queue.put(frame)  # the batch still counts
    assert queue.take(0.0) == []
    assert queue.figures() == (0, 0, 0.0)
    assert queue.put(frame)
    now[0] += 2.5
    assert not queue.put(frame)  # the oldest has waited for too long
    assert queue.figures()[2] == 2.5
    queue.take(0.0)
    queue.take(0.0)
    assert queue.put(replace(frame, data=bytes(1000)))  # one frame is always let in
    queue.end()
    assert not queue.put(frame)
    assert not queue.ended
    queue.take(0.0)
    assert queue.ended
