"""The rig's command line with the live Azure Kinect driver, on the compiled stand-in of the device's C interface."""

import json
import sys
from pathlib import Path

import pytest

from capture.rig.warm_up import RunningRecord
from capture.session import Session
from humanrig.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "capture"))
from k4a_stand_in.stand_in import StandIn, build


@pytest.fixture
def kinects(tmp_path, tmp_path_factory, monkeypatch):
    """Three devices on a cable, found as attached ones are."""
    path = build(tmp_path_factory.mktemp("k4a"))
    monkeypatch.setenv("HUMANRIG_K4A_LIBRARY", str(path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("capture.azure_kinect.discovery.display_problem", lambda: None)
    stand_in = StandIn(path)
    stand_in.chain(3)
    monkeypatch.chdir(tmp_path)
    return stand_in


def init(capsys):
    """rig.toml in the modes that the stand-in has pictures for."""
    assert main(["rig", "init"]) == 0
    path = Path("rig.toml")
    text = path.read_text().replace('"1080P"', '"720P"').replace('"NFOV_UNBINNED"', '"NFOV_2X2BINNED"')
    path.write_text(text)
    capsys.readouterr()


@pytest.mark.slow
def test_from_what_is_attached_to_a_take_that_pairs(kinects, capsys):
    assert main(["devices", "--json"]) == 0
    found = next(r for r in json.loads(capsys.readouterr().out)["drivers"] if r["driver"] == "azure_kinect")
    assert [(one["serial"], one["sync"]) for one in found["devices"]] == [
        ("000000", "master"),
        ("000001", "subordinate"),
        ("000002", "subordinate"),
    ]
    init(capsys)
    assert main(["rig", "check", "--seconds", "1.5", "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    for one in checked["devices"]:
        assert one["residual_us"] <= 100  # RESIDUAL_LIMIT_US
        assert any("0 min by the record" in text for text in one["warnings"])
    assert RunningRecord().seconds("000002") > 1.0  # the check was noted
    assert main(["capture", "board", "--kind", "board", "--seconds", "1", "--countdown", "0"]) == 0
    session = Session.open(Path("board"))
    assert {name: stream.delay_us for name, stream in session.streams.items() if stream.kind == "depth"} == {
        "kinect_000/depth": 0,
        "kinect_001/depth": 160,
        "kinect_002/depth": 320,
    }
    starts = [call for call in kinects.calls if call.startswith("start ")]
    assert starts == 2 * ["start 000002", "start 000001", "start 000000"]  # the master last, in the check and the take
    verdict = json.loads(Path("board/take/verdict.json").read_text())
    assert verdict["keep"], verdict["reasons"]
    assert set(verdict["pairing"]["residuals"]) == {"kinect_000", "kinect_001", "kinect_002"}


def test_exposures_that_differ_and_old_firmware_are_warned_of(kinects, capsys):
    init(capsys)
    kinects.set(2, firmware=102)
    text = Path("rig.toml").read_text()
    Path("rig.toml").write_text(text.replace('serial = "000001"', 'serial = "000001"\nexposure_us = 2500'))
    assert main(["rig", "check", "--seconds", "1"]) in (0, 1)
    out = capsys.readouterr().out
    assert "rig: ! exposure differs (kinect_000 10000 us, kinect_001 2500 us" in out
    assert "firmware color 1.6.102, depth 1.6.79 is old: a subordinate's images come about 100 us late" in out


@pytest.mark.slow
def test_a_take_goes_on_when_a_kinect_stalls_and_says_so(kinects, capsys):
    init(capsys)
    kinects.set(1, stall_at=25)  # for good: it is silent at the end of the take
    assert main(["capture", "board", "--kind", "board", "--seconds", "1.5", "--countdown", "0"]) == 1
    assert "REPEAT: kinect_001 was silent for" in capsys.readouterr().err
    assert Session.open(Path("board")).stream("kinect_002/color").frames > 30
