"""Takes in which devices vanish, stall or hang, and disks that are really full."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from rig_of_frames import jpeg
from scripted_device import Scripted

from capture.mcap_recording import McapReader
from capture.recorder import live_rig
from capture.recorder.live_rig import LiveRig, RestartPolicy
from capture.recorder.recorder import Recorder
from capture.recorder.repair import repair_session
from capture.recorder.status import RecorderLimits

SMALL = RecorderLimits(least_s=0.0, reserve_bytes=0)
QUICK = RestartPolicy(stall_s=0.3, pause_s=0.01, attempts=2, healthy_s=5.0)
REPOSITORY = Path(__file__).resolve().parents[2]


def take(tmp_path, devices, seconds, policy=QUICK):
    with LiveRig(devices, restart=policy) as rig:
        rig.start()
        recorder = Recorder(rig, tmp_path / "take", host="pc", limits=SMALL)
        recorder.start()
        time.sleep(seconds)
        problems = recorder.status().problems
        return recorder.stop(), problems


def test_a_phone_that_vanishes_is_missed_by_name_and_the_take_goes_on(tmp_path):
    phone = Scripted("iphone_000", ["lose", "refuse", "refuse"])
    recorded, problems = take(tmp_path, [Scripted("kinect_000"), phone], 1.3)
    said = [str(event) for event in recorded.events]
    assert said[0].startswith("iphone_000: unplugged; opening it again (1 of 2)")
    assert said[-1] == (
        "iphone_000: given up (opened again 2 times in vain, the cable is missing); the rig goes on without it"
    )
    frames = {name: stream.frames for name, stream in recorded.session.streams.items()}
    assert frames["iphone_000/imu"] <= 5
    assert frames["kinect_000/imu"] > 100
    assert any(text.startswith("iphone_000/imu: no frame for 1.") for text in problems)
    assert recorded.figures.stopped_because == ""


def test_what_a_restart_cost_is_counted(tmp_path):
    recorded, _ = take(tmp_path, [Scripted("a", ["silent"])], 2.0)  # long, for machines that are busy
    stream = recorded.figures.streams["a/imu"]
    gap = np.diff(recorded.session.timestamps_us("a/imu")[1]).max()
    assert stream.dropped == pytest.approx(gap / 10_000, abs=3)  # 100 Hz; the script's own timer is a little slower
    assert stream.dropped > 20


def test_a_driver_that_hangs_does_not_hold_the_take(tmp_path, monkeypatch):
    monkeypatch.setattr(live_rig, "STOP_WITHIN_S", 0.2)
    hung, free = Scripted("hung"), threading.Event()
    monkeypatch.setattr(hung, "_stop", lambda: free.wait(20))
    with LiveRig([Scripted("good"), hung], restart=QUICK) as rig:
        rig.start()
        recorder = Recorder(rig, tmp_path / "take", host="pc", limits=SMALL)
        recorder.start()
        time.sleep(0.3)
        recorded = recorder.stop()
        begun = time.monotonic()
        rig.stop()
        assert time.monotonic() - begun < 2.0
        assert str(rig.events[-1]) == "hung: did not stop within 0 s; unplug it before the next take"
    free.set()
    hung.quit.set()
    assert recorded.session.streams["hung/imu"].frames > 10


LIMITED = """
import resource, sys, time
sys.path.insert(0, "tests/capture")
from pathlib import Path
from rig_of_frames import jpeg, write_playable
from capture.device_frames import EncodedFrame
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.recorder.status import RecorderLimits
from capture.virtual.rig_playback import open_virtual_devices

folder, limit = Path(sys.argv[1]), int(sys.argv[2])
played = write_playable(folder / "played", frames=2)
with LiveRig(open_virtual_devices(played)) as rig:
    recorder = Recorder(rig, folder / "take", host="pc", limits=RecorderLimits(least_s=0.0, reserve_bytes=0))
    recorder.start()
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for k in range(400):
        us = 1_000_000 + k * 33_333
        data = jpeg(k) + bytes(100_000)
        recorder._accept(EncodedFrame(stream="kinect_000/color", sequence=k, device_us=us, host_us=us, data=data))
        time.sleep(0.002)
        if recorder.status().stopped_because:
            break
    taken = recorder.stop()
    print(taken.session.streams["kinect_000/color"].frames, taken.figures.stopped_because, sep="|")
"""


def run_limited(folder, limit):
    command = [sys.executable, "-c", LIMITED, str(folder), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    frames, reason = done.stdout.strip().split("|")
    return int(frames), reason


def is_readable(folder, frames):
    """Whether a take has so many frames, the last one intact, and repair has nothing to lose."""
    with McapReader(folder / "take" / "recording" / "pc.mcap") as reader:
        assert reader.count("/kinect_000/color") == frames
        assert reader.read("/kinect_000/color", frames - 1).data == jpeg(frames - 1) + bytes(100_000)
    repaired = repair_session(folder / "take")
    assert repaired.lost == ()
    assert repaired.session.streams["kinect_000/color"].frames == frames


@pytest.mark.slow
def test_a_file_that_may_not_grow_ends_the_take_clean(tmp_path):
    """RLIMIT_FSIZE at 10 MB: two chunks of 4 MiB fit."""
    frames, reason = run_limited(tmp_path, 10_000_000)
    assert reason == "the disk is full"
    assert 80 <= frames <= 100
    is_readable(tmp_path, frames)


@pytest.mark.slow
def test_a_disk_that_is_really_full_ends_the_take_clean(tmp_path):
    """A tmpfs of 30 MB, 16 of them kept for the end."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs of 30 MB cannot be mounted here; it takes a root user")
    try:
        frames, reason = run_limited(disk, 0)
        assert reason == "the disk is full"
        assert 100 <= frames <= 280
        with McapReader(disk / "take" / "recording" / "pc.mcap") as reader:
            assert not reader.recovered  # the index found room
        is_readable(disk, frames)
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_an_fsync_that_fails_ends_the_take(tmp_path, monkeypatch):
    monkeypatch.setattr("capture.recorder.recorder.SYNC_S", 0.05)
    with LiveRig([Scripted("a")]) as rig:
        rig.start()
        recorder = Recorder(rig, tmp_path / "take", host="pc", limits=SMALL)
        recorder.start()

        def fails():
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(recorder._writer, "sync", fails)
        time.sleep(0.3)
        assert recorder.status().stopped_because == "the disk cannot be written (Input/output error)"
        recorded = recorder.stop()
    assert recorded.session.streams["a/imu"].frames > 0
    assert str(recorded.events[-1]) == "the recording ended: the disk cannot be written (Input/output error)"
