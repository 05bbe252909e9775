"""The rig's command line, words in and sentences out; one slow test is a whole day at a rig."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_rig import small_session

from capture.found_device import DriverReport, FoundDevice
from capture.session import Session
from humanrig.cli import main


@pytest.fixture
def day(tmp_path, monkeypatch):
    """A folder with a virtual rig of two devices, and a home of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    small_session(tmp_path / "played", devices=2, frames=60)
    folder = tmp_path / "day"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert main(["rig", "init", "--virtual", "../played"]) == 0
    return folder


def fails(capsys, *words):
    """The one sentence of a command that fails."""
    capsys.readouterr()
    assert main(words) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("humanrig: ")
    return lines[0]


def test_rig_init_refuses_to_overwrite(day, capsys):
    before = Path("rig.toml").read_text()
    assert "never overwritten" in fails(capsys, "rig", "init", "--virtual", "../played")
    assert "never overwritten" in fails(capsys, "rig", "init")
    assert Path("rig.toml").read_text() == before
    assert "choose one" in fails(capsys, "rig", "init", "--rig", "b.toml", "--virtual", "x", "--play", "y")
    assert "no session at" in fails(capsys, "rig", "init", "--rig", "b.toml", "--play", "gone")
    assert not Path("b.toml").exists()
    assert "no folder" in fails(capsys, "rig", "init", "--rig", "gone/q.toml", "--virtual", "../played")
    assert not Path("gone").exists()


def test_the_check_has_a_verdict_for_each_device_and_an_exit_code(day, capsys):
    capsys.readouterr()
    assert main(["rig", "check", "--seconds", "0.6", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["ready"] is True
    assert {one["device"]: one["level"] for one in printed["devices"]} == {"kinect_000": "ready", "kinect_001": "ready"}
    text = Path("rig.toml").read_text().replace("# [virtual.faults]", "[virtual.faults]\ndrop_rate = 0.3")
    Path("bad.toml").write_text(text)
    assert main(["rig", "check", "--rig", "bad.toml", "--seconds", "0.6"]) == 1
    assert "frames lost" in capsys.readouterr().out
    assert "too short" in fails(capsys, "rig", "check", "--seconds", "0")


def test_bad_words_of_capture_end_in_one_sentence(day, capsys):
    main(["subjects", "add", "12", "--height", "1.78"])
    (day / "there").mkdir()
    for words, said in (
        (("new", "--rig", "gone.toml", "--subject", "12", "--action", "11"), "humanrig rig init"),
        (("new", "--subject", "12"), "--action is missing"),
        (("new", "--action", "11"), "--subject is missing"),
        (("new", "--subject", "anna", "--action", "11"), "no name"),
        (("new", "--subject", "13", "--action", "11"), "humanrig subjects add 13"),
        (("new", "--subject", "12", "--action", "sqat"), "did you mean 'Squat'"),
        (("new", "--subject", "12", "--action", "11", "--seconds", "0"), "--seconds 0"),
        (("new", "--subject", "12", "--action", "11", "--countdown", "-1"), "--countdown -1"),
        (("new", "--subject", "12", "--action", "11", "--takes", "0"), "--takes 0"),
        (("new", "--kind", "board", "--subject", "12"), "leave --subject"),
        (("there", "--subject", "12", "--action", "11"), "there exists"),
        (("rig.toml", "--subject", "12", "--action", "11"), "exists"),
        (("new", "--subject", "12", "--action", "11", "--board", "there"), "cannot be linked to"),
    ):
        assert said in fails(capsys, "capture", *words), words
    assert not (day / "new").exists()


def test_actions_and_subjects(day, capsys):
    capsys.readouterr()
    assert main(["actions", "show", "11"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Lunge twist left (ID=11)")
    assert "left leg" in shown
    Path("more.csv").write_text("id,name,prompts\n77,Handstand,Up now.\n")
    assert main(["actions", "import", "more.csv"]) == 0
    assert "1 action in" in capsys.readouterr().err
    assert main(["actions", "list"]) == 0
    assert "Handstand" in capsys.readouterr().out
    assert main(["actions", "list", "--json"]) == 0
    assert {action["id"] for action in json.loads(capsys.readouterr().out)["actions"]} >= {11, 77}
    assert "--replace" in fails(capsys, "actions", "import", write("b.csv", "id,name\n77,Other\n"))
    assert main(["subjects", "add", "p000012", "--height", "1.78", "--age", "31", "--sex", "female"]) == 0
    assert "give metres: 1.78" in fails(capsys, "subjects", "add", "13", "--height", "178")
    assert main(["subjects", "list"]) == 0
    assert capsys.readouterr().out.split() == ["p000012", "1.78", "m", "–", "31", "years", "female"]
    assert Path("catalogue/subjects.toml").exists()


def write(name, text):
    Path(name).write_text(text)
    return name


def test_devices_lists_what_drivers_see(capsys, monkeypatch):
    reports = (
        DriverReport(
            driver="azure_kinect",
            devices=(
                FoundDevice(driver="azure_kinect", serial="000123", firmware="1.6.110", sync="master"),
                FoundDevice(driver="azure_kinect", serial="", problems=("another program holds it; close that",)),
            ),
            notes=("usbfs_memory_mb is 16",),
        ),
        DriverReport(driver="realsense", unavailable="no library; install it"),
        DriverReport(driver="iphone"),
    )
    monkeypatch.setattr("capture.rig.looking.look_everywhere", lambda: reports)
    assert main(["devices"]) == 1
    out = capsys.readouterr().out
    for part in ("000123", "master", "1.6.110", "another program", "usbfs_memory_mb", "no library", "nothing attached"):
        assert part in out
    assert main(["devices", "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["drivers"][0]["devices"][0]["serial"] == "000123"
    assert printed["usable"] is False


def test_devices_looks_with_every_driver_of_this_program(capsys):
    assert main(["devices", "--json"]) in (0, 1)
    found = {report["driver"]: report for report in json.loads(capsys.readouterr().out)["drivers"]}
    assert set(found) == {"azure_kinect", "realsense", "iphone", "record3d"}
    assert not any("looking failed" in report["unavailable"] for report in found.values())


def test_help_names_every_command_of_the_rig(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert all(f"• {name}" in out for name in ("devices", "rig", "capture", "actions", "subjects"))


@pytest.mark.parametrize(
    "words",
    [("capture",), ("rig", "init"), ("rig", "check"), ("actions", "show"), ("actions", "import"), ("subjects", "add")],
)
def test_help_names_values_by_words(capsys, words):
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    out = capsys.readouterr().out
    assert not any(kind in out for kind in (" INT", " STR", " FLOAT", " PATH", "{None}"))


def test_a_place_that_is_no_disk_is_refused_before_devices_open(day, capsys, monkeypatch):
    monkeypatch.setattr("capture.recorder.live_rig.LiveRig.open", lambda rig: pytest.fail("opened"))
    words = ("--kind", "board")
    if Path("/proc").is_dir():
        said = fails(capsys, "capture", "/proc/x/y", *words)
        assert "GB are free" not in said
        assert "cannot be made: /proc" in said
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(total=10**12, free=10**8))
    assert "0.1 GB are free" in fails(capsys, "capture", "new", *words)
    Path("old").mkdir()
    assert "0.1 GB are free" in fails(capsys, "capture", "old", *words, "--retake")


@pytest.mark.slow
def test_ctrl_c_ends_a_take_cleanly(day):
    main(["subjects", "add", "12"])
    words = ["capture", "walk", "--subject", "12", "--action", "11", "--seconds", "60", "--countdown", "0"]
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys; from humanrig.cli import main; sys.exit(main({words!r}))"],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
    )
    recording = day / "walk" / "recording" / "rig.mcap"
    until = time.monotonic() + 60
    while not (recording.exists() and recording.stat().st_size > 20_000) and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "KEEP" in said
    assert Session.open(day / "walk").stream("kinect_000/color").frames > 5


@pytest.mark.slow
def test_a_day_at_the_rig(day, capsys):
    assert main(["devices"]) in (0, 1)
    assert main(["rig", "check", "--seconds", "1"]) == 0
    assert main(["subjects", "add", "12", "--height", "1.78", "--weight", "70", "--age", "31", "--sex", "female"]) == 0
    assert main(["capture", "room", "--kind", "background", "--seconds", "1", "--countdown", "0"]) == 0
    assert main(["capture", "board", "--kind", "board", "--seconds", "1", "--countdown", "0"]) == 0
    take = ["--subject", "12", "--seconds", "1", "--countdown", "0.2"]
    assert main(["capture", "walk", *take, "--action", "11", "--preview"]) == 0
    assert "preview: http://127.0.0.1:" in capsys.readouterr().err
    assert main(["capture", "walk", *take, "--action", "11"]) == 1  # it exists
    assert main(["capture", "walk", *take, "--action", "11", "--retake"]) == 0
    assert main(["capture", "more", *take, "--action", "3", "4", "--takes", "2"]) == 0
    names = {"room", "board", "walk", "walk.take2", "more_a000003", "more_a000003.take2"}
    for name in (*names, "more_a000004", "more_a000004.take2"):
        assert main(["check", name]) == 0
    links = Session.open(day / "walk.take2").info.links
    assert links == {"background_from": "../room", "calibration_from": "../board", "retake_of": "../walk"}
    assert main(["reconstruct", "walk", "--only", "sync"]) == 0
    assert main(["rig", "init", "--rig", "again.toml", "--play", "walk"]) == 0  # what was recorded is a rig again
    assert main(["rig", "check", "--rig", "again.toml", "--seconds", "1"]) == 0
