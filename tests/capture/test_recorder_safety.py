"""Takes that meet a defect of their own or of a driver, and takes that others touch while they are recorded."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from scripted_device import Scripted

from capture.device_frames import EncodedFrame
from capture.errors import CaptureError
from capture.mcap_recording import LATEST_US, McapReader, McapWriter
from capture.recorder import live_rig
from capture.recorder.live_rig import LiveRig, RestartPolicy
from capture.recorder.recorder import Recorder
from capture.recorder.repair import repair_session
from capture.recorder.status import RecorderLimits

SMALL = RecorderLimits(least_s=0.0, reserve_bytes=0)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def rig():
    with LiveRig([Scripted("a")]) as rig:
        rig.start()
        yield rig


def begun(rig, folder, limits=SMALL):
    recorder = Recorder(rig, folder, host="pc", limits=limits)
    recorder.start()
    return recorder


def within(seconds, call):
    """What it returns; a call that hangs fails the test and does not hold the others."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, f"did not return within {seconds} s"
    return found[0]


def wait_for(condition, seconds=5.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_time_that_no_recording_holds_is_refused_and_counted(tmp_path, rig):
    recorder = begun(rig, tmp_path / "take")
    for device_us, host_us in ((10**17, 5), (5, LATEST_US + 1)):
        recorder._accept(EncodedFrame(stream="a/imu", sequence=0, device_us=device_us, host_us=host_us, data=b"{}"))
    time.sleep(0.2)
    taken = within(5, recorder.stop)
    assert taken.figures.streams["a/imu"].refused == 2
    assert taken.session.streams["a/imu"].frames > 5
    assert "a time beyond what a recording holds" in taken.events[0].text
    with McapWriter(tmp_path / "b.mcap") as writer:
        writer.add_stream("/a/imu", "json")
        writer.write("/a/imu", b"{}", device_us=LATEST_US, host_us=LATEST_US)
        with pytest.raises(CaptureError, match="beyond what a recording holds"):
            writer.write("/a/imu", b"{}", device_us=0, host_us=LATEST_US + 1)
    with McapReader(tmp_path / "b.mcap") as reader:
        assert reader.timestamps_us("/a/imu")[0].tolist() == [LATEST_US]


def test_a_defect_of_the_writer_ends_the_take_and_says_so(tmp_path, rig, monkeypatch):
    recorder = begun(rig, tmp_path / "take")
    wait_for(lambda: recorder.status().streams["a/imu"].frames)

    def fails(*_, **__):
        raise KeyError("a defect")

    monkeypatch.setattr(recorder._writer, "write", fails)
    wait_for(lambda: recorder.status().stopped_because)
    assert recorder.status().stopped_because == "the recorder failed (KeyError('a defect')); report this"
    taken = within(5, recorder.stop)
    assert taken.session.streams["a/imu"].frames > 0
    assert not (tmp_path / "take" / ".reserve").exists()


def test_a_take_that_is_recorded_is_not_repaired(tmp_path, rig):
    recorder = begun(rig, tmp_path / "take")
    time.sleep(0.2)
    with pytest.raises(CaptureError, match=r"pc.mcap is still being recorded, or repaired by another program; wait"):
        repair_session(tmp_path / "take")
    assert (tmp_path / "take" / ".reserve").exists()
    time.sleep(0.2)
    taken = recorder.stop()
    with McapReader(tmp_path / "take" / "recording" / "pc.mcap") as reader:
        assert reader.count("/a/imu") == taken.session.streams["a/imu"].frames > 20
    assert repair_session(tmp_path / "take").changed == ()


def test_a_look_at_the_disk_that_fails_ends_the_take(tmp_path, rig, monkeypatch):
    monkeypatch.setattr("capture.recorder.recorder.SYNC_S", 0.05)
    recorder = begun(rig, tmp_path / "take")

    def gone(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("capture.recorder.recorder.free_bytes", gone)
    wait_for(lambda: recorder.status().stopped_because)
    assert recorder.status().stopped_because == "the disk cannot be written (Permission denied)"
    assert recorder.stop().figures.disk_free_bytes == 0


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("a defect")])
def test_a_take_that_cannot_begin_leaves_nothing(tmp_path, rig, monkeypatch, error):
    def fails(*_, **__):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("capture.recorder.recorder.McapWriter", fails)
        with pytest.raises((CaptureError, RuntimeError), match=r"cannot be recorded to|a defect"):
            begun(rig, tmp_path / "take")
    assert list(tmp_path.iterdir()) == []
    begun(rig, tmp_path / "take").stop()


def test_threads_that_stop_a_take_at_once_get_the_same(tmp_path, rig):
    recorder = begun(rig, tmp_path / "take")
    time.sleep(0.1)
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(recorder.stop()), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(taken) == 4
    assert all(take is taken[0] for take in taken)


def test_a_listener_that_comes_while_another_goes_is_kept():
    rig = LiveRig([Scripted("a")])

    def comes(frame):
        pass

    thread = threading.Thread(target=lambda: rig.attach(comes))

    class Sinks(tuple):
        """Those of before: the other listener comes while `detach` looks through them."""

        def __iter__(self):
            thread.start()
            thread.join(0.2)
            return super().__iter__()

    def goes(frame):
        pass

    rig._sinks = Sinks((goes,))
    rig.detach(goes)
    thread.join()
    assert tuple(rig._sinks) == (comes,)


def test_a_library_that_raises_at_its_close_keeps_no_other_device_open():
    class Busy(Scripted):
        def _close(self):
            raise RuntimeError("the library is busy")

    good = Scripted("good")
    rig = LiveRig([Busy("bad"), good])
    rig.open()
    rig.close()
    assert good.health().state == "closed"
    assert rig.descriptions == {}
    rig.open()
    rig.start()
    rig.close()
    assert good.health().state == "closed"
    assert [str(e) for e in rig.events] == ["bad: could not be closed: RuntimeError: the library is busy"] * 2


@pytest.mark.parametrize("where", ["_open", "_stop"])
def test_a_device_that_comes_back_after_the_rig_was_closed_is_closed(monkeypatch, where):
    monkeypatch.setattr(live_rig, "STOP_WITHIN_S", 0.2)
    slow, inside, free = Scripted("slow", ["lose"] if where == "_open" else []), threading.Event(), threading.Event()
    rig = LiveRig([slow], restart=RestartPolicy(stall_s=0.3, pause_s=0.01, attempts=3))
    rig.open()
    real = getattr(slow, where)

    def hangs():
        inside.set()
        free.wait(5)
        return real()

    monkeypatch.setattr(slow, where, hangs)
    rig.start()
    if where == "_open":
        assert inside.wait(3)
    rig.close()
    assert inside.is_set()
    assert slow.log[-1] != "close" or where == "_open"
    free.set()
    wait_for(lambda: rig._pumps["slow"].stopped)
    assert slow.health().state == "closed"
    assert slow.log[-1] == "close"
    assert where == "_stop" or slow.log[-2] == "open"  # not started any more


def test_what_a_kill_would_lose_is_said(tmp_path, rig, monkeypatch):
    assert RecorderLimits().queue_s <= 5.0
    assert RecorderLimits().queue_bytes < 2**30
    recorder = begun(rig, tmp_path / "take", RecorderLimits(least_s=0.0, reserve_bytes=0, queue_s=1.0))
    assert recorder._writer is not None
    real, free = recorder._writer.write, threading.Event()
    monkeypatch.setattr(recorder._writer, "write", lambda *a, **k: (free.wait(5), real(*a, **k)))
    wait_for(lambda: recorder.status().queue_s > 0.35)
    (text,) = [text for text in recorder.status().problems if text.startswith("the disk is behind")]
    assert re.search(r"the oldest for [0-9.]+ s; a program that is killed now loses them$", text)
    free.set()
    recorder.stop()


KILLED = """
import sys, time
sys.path.insert(0, "tests/capture")
from pathlib import Path
from scripted_device import Scripted
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.recorder.status import RecorderLimits

with LiveRig([Scripted("a"), Scripted("b")]) as rig:
    rig.start()
    Recorder(rig, Path(sys.argv[1]), host="pc", limits=RecorderLimits(least_s=0.0, reserve_bytes=0)).start()
    print("recording", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_recorder_that_is_killed_loses_less_than_two_seconds(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "take")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "recording\n"
        time.sleep(1.2)
        with pytest.raises(CaptureError, match="still being recorded"):  # by another process
            repair_session(tmp_path / "take")
        os.kill(child.pid, signal.SIGKILL)
        killed_us = time.monotonic_ns() // 1000
    repaired = repair_session(tmp_path / "take")
    for name in ("a/imu", "b/imu"):
        host_us = repaired.session.timestamps_us(name)[1]
        assert killed_us - host_us[-1] < 2_000_000
        assert len(host_us) > 30
        assert repaired.session.frame(name, len(host_us) - 1) is not None
    assert repair_session(tmp_path / "take").changed == ()
