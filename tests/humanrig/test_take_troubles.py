"""What a take does when things break while it is recorded, and whether its verdict says so."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from small_rig import small_session

from capture.recorder.live_rig import LiveRig, RestartPolicy
from capture.recorder.recorder import Recorder
from capture.recorder.status import RecorderLimits
from capture.rig.pulse_monitor import PulseMonitor
from capture.session import Session
from capture.virtual.rig_playback import open_virtual_devices
from humanrig.errors import HumanrigError
from humanrig.rig.dashboard import RigView
from humanrig.rig.take_control import TakeControl
from humanrig.rig.take_plan import TakePlan
from humanrig.rig.terminal_flow import TerminalFlow

SECONDS = 0.9


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return small_session(tmp_path_factory.mktemp("troubles") / "played", devices=2, frames=60)


def record(folder, devices, *, during=lambda: None, attempts=0, seconds=SECONDS):
    """One take; `during` is called within it."""
    with LiveRig(devices, restart=RestartPolicy(attempts=attempts, pause_s=0.05)) as rig:
        rig.start()
        plan = TakePlan(session=folder, kind="board", seconds=seconds, countdown_s=0.0)
        control = TakeControl(rig, [plan], limits=RecorderLimits(reserve_bytes=1))
        control.start()
        timer = threading.Timer(0.3, during)
        timer.start()
        assert control.wait(30.0)
        timer.join()
    assert control.problem == ""
    return control.verdict, json.loads((folder / "take" / "verdict.json").read_text())


def test_an_unplugged_device_is_given_up_and_the_others_go_on(tmp_path, played):
    devices = open_virtual_devices(played, loops=100)
    verdict, said = record(tmp_path / "t", devices, during=lambda: devices[1]._queue.fail("USB device is gone"))
    assert not verdict.keep
    assert "kinect_001 was lost and did not come back" in verdict.lines[0]
    assert any("USB device is gone" in event["text"] for event in said["events"])
    session = Session.open(tmp_path / "t")
    assert session.stream("kinect_000/color").frames > 10
    assert 0 < session.stream("kinect_001/color").frames < session.stream("kinect_000/color").frames - 5


def test_a_device_that_comes_back_is_said_with_its_gap(tmp_path, played):
    devices = open_virtual_devices(played, loops=100)
    verdict, said = record(
        tmp_path / "t", devices, during=lambda: devices[1]._queue.fail("USB device is gone"), attempts=3, seconds=2.5
    )
    assert any("opened again after" in event["text"] for event in said["events"])
    assert "devices   kinect_001: USB device is gone" in "\n".join(verdict.lines)


def test_frames_of_another_size_are_left_out_and_counted(tmp_path, played, monkeypatch):
    devices = open_virtual_devices(played, loops=100)
    wrong = simplejpeg.encode_jpeg(np.zeros((8, 8, 3), np.uint8))
    source = devices[1]._source
    right = source.data

    def data(stream, index):
        return wrong if stream.endswith("color") and index % 3 == 0 else right(stream, index)

    monkeypatch.setattr(source, "data", data)
    verdict, said = record(tmp_path / "t", devices)
    assert not verdict.keep
    assert said["streams"]["kinect_001/color"]["refused"] >= 3
    assert any("kinect_001/color lost" in reason for reason in said["reasons"])


def test_a_disk_that_fills_ends_the_take_cleanly(tmp_path, played, monkeypatch):
    full = threading.Event()
    monkeypatch.setattr("capture.recorder.recorder.free_bytes", lambda folder: 0 if full.is_set() else 10**12)
    devices = open_virtual_devices(played, loops=100)
    verdict, said = record(tmp_path / "t", devices, during=full.set, seconds=20.0)
    assert not verdict.keep
    assert said["stopped_because"] in verdict.lines[0]
    assert said["stopped_because"]
    assert Session.open(tmp_path / "t").stream("kinect_000/color").frames > 5


def test_damaged_depth_on_disk_is_a_reason_to_repeat_and_no_crash(tmp_path, played, monkeypatch):
    devices = open_virtual_devices(played, loops=100)
    source = devices[0]._source
    right = source.data

    def data(stream, index):
        whole = right(stream, index)
        return whole[:-6] + bytes(6) if stream.endswith("depth") else whole

    monkeypatch.setattr(source, "data", data)
    verdict, said = record(tmp_path / "t", devices)
    assert not verdict.keep
    assert tuple(said["lines"]) == verdict.lines


@pytest.fixture
def flow_of(tmp_path, played):
    """A flow without a keyboard that records `tmp_path/t` for so many seconds."""
    rig = LiveRig(open_virtual_devices(played, loops=100))
    with rig:
        rig.start()

        def make(seconds):
            plan = TakePlan(session=tmp_path / "t", kind="board", seconds=seconds, countdown_s=0.0)
            control = TakeControl(rig, [plan], limits=RecorderLimits(reserve_bytes=1))
            return TerminalFlow(control, RigView(rig, PulseMonitor(rig.descriptions), {}), interactive=False)

        yield make


def test_a_verdict_that_cannot_be_written_is_shown(tmp_path, flow_of, monkeypatch, capsys):
    write = Path.write_text

    def full(path, text, *given, **named):
        if path.name == ".plan.json.partial":
            write(path, "")  # what a full disk leaves
            raise OSError(28, "No space left on device")
        return write(path, text, *given, **named)

    monkeypatch.setattr(Path, "write_text", full)
    flow = flow_of(0.4)
    with pytest.raises(HumanrigError, match=r"t: its verdict cannot be written .*No space left on device.*make room"):
        flow.run()
    said = capsys.readouterr().err
    assert "KEEP" in said or "REPEAT" in said
    assert "verdict   cannot be written to" in said
    assert "frames    " in said
    assert list((tmp_path / "t" / "take").iterdir()) == []
    assert Session.open(tmp_path / "t").stream("kinect_000/color").frames > 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_take_and_waits_for_its_file(tmp_path, flow_of, monkeypatch, capsys, number):
    stop = Recorder.stop

    def slow(recorder):
        time.sleep(0.6)
        return stop(recorder)

    monkeypatch.setattr(Recorder, "stop", slow)
    monkeypatch.setattr("humanrig.rig.terminal_flow.PLAIN_S", 0.2)
    flow = flow_of(8.0)
    before = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else lambda *given: None)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), number))
    timer.start()
    try:
        flow.run()
    finally:
        timer.join()
        signal.signal(number, before)
    said = capsys.readouterr().err.splitlines()
    assert "stopping the take" in said
    assert 1 <= sum(line.startswith("stopping t: ") for line in said) <= 6  # 0.6 s of them, each 0.2 s, and room
    ((take, _),) = flow.control.takes
    assert take.figures.seconds < 4.0
    assert sum(line.startswith("length ") for line in said) == 1
