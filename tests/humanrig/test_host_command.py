"""`humanrig host`: two agents as the programs that a user starts, a take over both, the merged session."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import simplejpeg

from capture.checking import check_session
from capture.device import DeviceStream
from capture.errors import CaptureError
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo
from humanrig.commands import host
from humanrig.errors import HumanrigError

PICTURE = simplejpeg.encode_jpeg(np.zeros((8, 8, 3), np.uint8))
START_S = 40


def write_rig(folder, name, device):
    """A rig.toml that plays a recording of one free device."""
    stream = DeviceStream(name=f"{device}/color", kind="color", encoding="jpeg", rate_hz=30.0, width=8, height=8)
    with McapWriter(folder / "recorded" / "recording" / "rig.mcap") as writer:
        writer.add_stream(f"/{stream.name}", "jpeg")
        for k in range(400):
            us = 1_000_000 + k * 33_333
            writer.write(f"/{stream.name}", PICTURE, device_us=us, host_us=us)
    Session.create(
        folder / "recorded",
        streams=[stream.recorded("recording/rig.mcap", 400)],
        devices=[DeviceInfo(name=device, serial=device, clock=device)],
        origin="virtual",
    )
    (folder / "rig.toml").write_text(f'schema = 1\n[recording]\nhost = "{name}"\n[play]\nsession = "recorded"\n')


@pytest.fixture
def agents(tmp_path):
    """Two `humanrig host serve`; the files with their addresses."""
    processes, files = [], []
    for name, device in (("left", "phone_0"), ("right", "phone_1")):
        folder = tmp_path / name
        folder.mkdir()
        write_rig(folder, name, device)
        file = tmp_path / f"{name}.host"
        arguments = ["host", "serve", "--rig", str(folder / "rig.toml"), "--folder", str(folder)]
        program = [sys.executable, "-m", "humanrig.cli", *arguments, "--address-file", str(file)]
        processes.append(subprocess.Popen(program, stderr=subprocess.DEVNULL))
        files.append(file)
    until = time.monotonic() + START_S
    while not all(file.exists() for file in files):
        assert time.monotonic() < until, "the agents did not start"
        time.sleep(0.1)
    yield processes, files
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(20)


@pytest.mark.slow
def test_a_take_over_two_computers_becomes_one_session(agents, tmp_path, capsys):
    processes, files = agents
    assert oct(os.stat(files[0]).st_mode)[-3:] == "600", "the address is a secret"
    hosts = ",".join(map(str, files))
    target = tmp_path / "takes" / "walk"
    assert host.record(target, hosts=hosts, seconds=1.5, subject="p01") == 0
    assert "walk: keep" in capsys.readouterr().err
    session = Session.open(target)
    assert {d.name: d.host for d in session.info.devices} == {"phone_0": "left", "phone_1": "right"}
    assert all(stream.frames >= 30 for stream in session.info.streams), "1.5 s at 30 Hz on a busy machine"
    assert session.info.subject == "p01"
    assert [f.text for f in check_session(session) if f.where.startswith("recording/") and "mcap" in f.where] == []

    with pytest.raises(HumanrigError, match="exists; choose another name"):
        host.record(target, hosts=hosts, seconds=1.0)

    left = tmp_path / "takes" / "sit"
    assert host.record(left, hosts=hosts, seconds=1.0, leave=True) == 0
    assert not left.exists()
    with pytest.raises(HumanrigError, match="none of the parts is there"):
        host.merge(left)
    assert host.merge(left, hosts=str(files[1])) == 0
    assert "host left is missing (phone_0)" in " ".join(capsys.readouterr().err.split())
    assert Session.open(left).info.streams[0].name == "phone_1/color"

    processes[0].send_signal(signal.SIGTERM)
    assert processes[0].wait(20) == 0
    with pytest.raises(CaptureError, match=r"no agent answers at ws://127\.0\.0\.1"):
        host.record(tmp_path / "takes" / "run", hosts=hosts, seconds=1.0)


def test_addresses_and_lengths_that_cannot_be_are_one_sentence(tmp_path):
    target = tmp_path / "walk"
    with pytest.raises(CaptureError, match="'nowhere' is neither a host's address nor a file"):
        host.record(target, hosts="nowhere", seconds=1.0)
    with pytest.raises(CaptureError, match="at least one recording host"):
        host.record(target, hosts="", seconds=1.0)
    with pytest.raises(CaptureError, match=r"walk\.hosts\.json is missing"):
        host.merge(target)
    with pytest.raises(CaptureError, match=r"rig\.toml"):
        host.serve(rig=tmp_path / "rig.toml")
