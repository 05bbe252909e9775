"""The command `keypoints`: what it runs, what it says, and that it skips what is done."""

import json
import shutil
from dataclasses import dataclass

import pytest
from keypoint_takes import Reads, take

from humanrig import cli, pipeline
from humanrig.stage import Stage
from humanrig.stages import keypoints


@dataclass(frozen=True)
class Nothing:
    """A configuration without options."""


def as_it_is(folder):
    """What a stage does that leaves its folder as the take brought it."""

    def run(context):
        if context.session.path(folder).is_dir():
            shutil.copytree(context.session.path(folder), context.output, dirs_exist_ok=True)
        return {}

    return Stage(name=folder, folder=folder, needs=(), config=Nothing, run=run)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A take with frame sets and cameras, whose people are read off its pictures."""
    monkeypatch.setattr(keypoints, "make_detector", lambda *_: Reads())
    monkeypatch.setattr(keypoints, "BlazePose", Reads)
    before = {"sync": as_it_is("sync"), "calibrate": as_it_is("calibration"), "masks": as_it_is("masks")}
    load = pipeline.load_stage
    monkeypatch.setattr(pipeline, "load_stage", lambda name: before.get(name) or load(name))
    return take(tmp_path / "take").folder


def test_it_writes_the_keypoints_and_says_how_good_they_are(folder, capsys):
    assert cli.main(["keypoints", str(folder), "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert "person00: 100.0 % of the joints seen, 0.0 % interpolated" in out
    assert "cam1/color" in out
    assert (folder / "keypoints/person00.npz").is_file()
    assert not (folder / "clouds").exists()
    assert cli.main(["keypoints", str(folder), "--workers", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["skipped"]
    assert figures["people"] == 1


def test_some_instants_without_a_camera(folder, capsys):
    words = ["keypoints", str(folder), "--frames", "11:14", "--without", "cam0", "--json"]
    assert cli.main(words) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["instants"] == 3
    assert list(figures["cameras"]) == ["cam1/color", "cam2/color"]


def test_wrong_words_end_in_one_sentence(folder, capsys):
    assert cli.main(["keypoints", str(folder), "--detector", "none.onnx"]) == 1
    assert "none.onnx: there is no such file" in capsys.readouterr().err
    assert cli.main(["keypoints", str(folder), "--option", "keypoints.smoth=false"]) == 1
    assert "options of this stage: detector" in capsys.readouterr().err
