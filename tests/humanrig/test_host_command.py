"""`humanrig host`: two agents as the programs that a user starts, a take over both, the merged session."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import simplejpeg

from capture.catalogue.subjects import add_subject, make_subject
from capture.checking import check_session
from capture.device import DeviceStream
from capture.errors import CaptureError
from capture.hosts.clock_comparison import ClockComparison, HostOffset
from capture.hosts.hosts_take import HostPart, HostsTake
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
    catalogue = tmp_path / "catalogue"
    add_subject(catalogue, make_subject(id=12, height_m=1.75))
    assert host.record(target, hosts=hosts, seconds=1.5, subject="12", action="11", catalogue=catalogue) == 0
    said = capsys.readouterr().err
    lines = (target / "take" / "verdict.txt").read_text().splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("KEEP")
    assert lines[1] == "take      walk · p000012 · a000011"
    assert all(line in said for line in lines)
    verdict = json.loads((target / "take" / "verdict.json").read_text())
    assert set(verdict["streams"]) == {"phone_0/color", "phone_1/color"}
    assert verdict["planned_s"] == 1.5
    session = Session.open(target)
    assert {d.name: d.host for d in session.info.devices} == {"phone_0": "left", "phone_1": "right"}
    assert all(stream.frames >= 30 for stream in session.info.streams), "1.5 s at 30 Hz on a busy machine"
    assert (session.info.subject, session.info.action) == ("p000012", "a000011")
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
    assert (left / "take" / "verdict.txt").read_text().startswith("REPEAT: host left was lost"), "half a take"

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
    with pytest.raises(HumanrigError, match="--port 70000 is no port"):
        host.serve(rig=tmp_path / "rig.toml", port=70000)
    with pytest.raises(CaptureError, match=r"rig\.toml"):
        host.serve(rig=tmp_path / "rig.toml")


def test_subjects_and_actions_are_those_of_the_catalogue(tmp_path):
    """As `humanrig capture` has them: before any host is asked."""
    catalogue = tmp_path / "catalogue"
    add_subject(catalogue, make_subject(id=12, height_m=1.75))
    target = tmp_path / "walk"
    for subject, action, told in (
        ("13", None, "there is no subject 13 in"),
        ("Anna", None, "'Anna' is no subject's number"),
        ("12", "999999", "there is no action 999999"),
        ("12", "11", "'nowhere' is neither a host's address nor a file"),
    ):
        with pytest.raises(CaptureError, match=told):
            host.record(target, hosts="nowhere", seconds=1.0, subject=subject, action=action, catalogue=catalogue)
    code, action, seconds = host._catalogued(catalogue, "12", "11")
    assert (code, action) == ("p000012", "a000011")
    assert seconds
    with pytest.raises(HumanrigError, match="--seconds is missing"):
        host.record(target, hosts="nowhere", subject="12", catalogue=catalogue)


@pytest.mark.parametrize(
    ("edit", "first"),
    [
        ({}, "KEEP: nothing was lost"),
        ({"streams": {"phone_0/color": {"frames": 400, "dropped": 100}}}, "REPEAT: phone_0/color lost 20.0%"),
        ({"ended_because": "the disk is full"}, "REPEAT: it ended by itself: left: the disk is full"),
        (
            {"events": [{"host_us": 1, "device": "phone_0", "text": "given up after 5 attempts"}]},
            "REPEAT: phone_0 was lost and did not come back",
        ),
        ({"events": [{"host_us": 1, "device": "", "text": "disk slow"}]}, "KEEP: disk slow"),
        (None, "KEEP: host left: was not heard at the end"),
    ],
)
def test_the_verdict_stands_on_what_the_hosts_said(tmp_path, edit, first, capsys):
    write_rig(tmp_path, "left", "phone_0")
    session = Session.open(tmp_path / "recorded")
    same = ClockComparison(offset_us=0.0, at_us=0, uncertainty_us=10.0, exchanges=60)
    figures = {
        "seconds": 13.3,
        "streams": {"phone_0/color": {"frames": 400}},
        "bytes": 1000,
        "disk_free_bytes": 10**12,
        "lag_p99_s": 0.1,
    }
    part = HostPart(
        name="left",
        devices=({"name": "phone_0"},),
        offset=HostOffset(before=same, after=same),
        figures={} if edit is None else figures | edit,
        lost="" if edit is not None else "no answer",
    )
    take = HostsTake(session="recorded", parts=(part,), planned_s=13.3)
    assert host._judge(take, session) is first.startswith("KEEP")
    lines = (session.folder / "take" / "verdict.txt").read_text().splitlines()
    assert lines[0].startswith(first)
    assert lines[0] in capsys.readouterr().err


def test_figures_of_another_version_are_one_sentence(tmp_path):
    write_rig(tmp_path, "left", "phone_0")
    same = ClockComparison(offset_us=0.0, at_us=0, uncertainty_us=10.0, exchanges=60)
    odd = {"seconds": 1.0, "streams": {"phone_0/color": {"fames": 3}}, "bytes": 1, "disk_free_bytes": 1}
    part = HostPart(name="left", devices=(), offset=HostOffset(before=same, after=same), figures=odd)
    with pytest.raises(CaptureError, match="same version of humanrig"):
        host._judge(HostsTake(session="recorded", parts=(part,)), Session.open(tmp_path / "recorded"))
