"""`humanrig synthesize`: choices, what it says, how it goes on; with passes that write a few bytes."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hps" / "synthesis"))

from stub_passes import STUBS, stub_table

from body.loading import load_body_model
from hps.errors import HpsError
from hps.synthesis.production.dataset_file import read_dataset_file
from hps.synthesis.production.produce import produce, workbench
from hps.synthesis.reading import SyntheticDataset
from humanrig.cli import main
from humanrig.errors import HumanrigError
from humanrig.synthesis import synthesis
from humanrig.synthesis.dataset_folder import open_dataset
from humanrig.synthesis.left_over import clear_left_over


def fails(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(["synthesize", *words]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("humanrig: ")
    assert len(said.splitlines()) == 1
    return said


@pytest.fixture
def stubbed(monkeypatch):
    """Sampling and passes of a few bytes, in this process."""
    ours = functools.partial(workbench, factory=STUBS)
    monkeypatch.setattr(synthesis, "workbench", ours)
    monkeypatch.setattr(synthesis, "produce", lambda *a, **k: produce(*a, **{**k, "workers": 0, "factory": STUBS}))
    monkeypatch.setattr(synthesis, "sampled_table", lambda folder, *_, **__: stub_table(folder))
    monkeypatch.setattr(synthesis, "disjoint", lambda table: {"subjects": 0})
    monkeypatch.setattr(synthesis, "_report", lambda folder, on_progress: None)


def test_choices_that_make_no_sense_leave_no_folder(tmp_path, capsys):
    there = tmp_path / "set"
    assert "people = 0" in fails(capsys, str(there), "--people", "0")
    assert "views = 99" in fails(capsys, str(there), "--views", "99")
    assert "--workers 0" in fails(capsys, str(there), "--workers", "0")
    assert not there.exists()
    file = tmp_path / "file"
    file.touch()
    assert "is a file" in fails(capsys, str(file))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    assert "thesis.tex" in fails(capsys, str(tmp_path / "other"))
    assert os.listdir(tmp_path / "other") == ["thesis.tex"]


def test_a_run_is_continued_with_its_own_choices_and_verified(tmp_path, capsys, stubbed):
    folder = tmp_path / "set"
    words = ["synthesize", str(folder), "--people", "2", "--shard-pictures", "8"]
    assert main([*words, "--json"]) == 0
    out = capsys.readouterr()
    assert json.loads(out.out)["samples"] == {"images": 24, "labels": 24}
    assert "24 samples of images, 24 samples of labels in 8 shards; pictures: train 20, test 4" in out.err
    assert "nobody is left for validation and test: 2 people are too few for the shares 0.8 0.1 0.1" in out.err
    assert "24 pictures made in" in out.err
    assert len(SyntheticDataset(folder, "train")) == 20
    assert main(["synthesize", str(folder)]) == 0
    assert "nothing was to be made" in capsys.readouterr().err
    assert main(words) == 0
    assert "begun with people = 2, now 3 is asked for" in fails(capsys, str(folder), "--people", "3")
    path = folder / "shards" / "train-00001.labels.tar"
    content = bytearray(path.read_bytes())
    content[3000] ^= 255
    path.write_bytes(content)
    capsys.readouterr()
    assert main(["synthesize", str(folder), "--verify"]) == 0
    said = capsys.readouterr().err
    assert "train-00001.labels.tar was altered: its bytes are not those that were written; it is made again" in said
    assert "8 pictures made" in said
    assert path.read_bytes() != content


def test_scenes_that_fail_are_said(tmp_path, capsys, stubbed):
    (tmp_path / "set" / ".trouble").mkdir(parents=True)
    folder = tmp_path / "set"
    assert main(["synthesize", str(folder), "--people", "2"]) == 0
    (folder / "trouble").mkdir()
    (folder / "trouble" / "fail s000000").touch()
    for path in (folder / "shards").glob("*.json"):
        path.unlink()
    capsys.readouterr()
    assert main(["synthesize", str(folder)]) == 0
    said = capsys.readouterr().err
    assert "scene s000000 is left out: the clothes fly away" in said
    assert "1 scene is left out, such as s000000 (the clothes fly away); see" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_says_how_to_go_on(tmp_path, capsys, stubbed, monkeypatch, number):
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, usual)  # a shell that starts the tests in the background has it ignored
    try:
        monkeypatch.setattr(synthesis, "produce", lambda *_, **__: os.kill(os.getpid(), number))
        assert main(["synthesize", str(tmp_path / "set"), "--people", "2"]) == 130
        assert f"go on with: humanrig synthesize {tmp_path / 'set'}" in capsys.readouterr().err.replace("\n", " ")
        assert signal.getsignal(number) is usual
    finally:
        signal.signal(number, before)


def test_another_body_model_is_told(tmp_path):
    model = load_body_model()
    info = open_dataset(tmp_path, {"people": 2}, model)
    assert open_dataset(tmp_path, {"people": 2}, model) == info
    with pytest.raises(HpsError, match=r"was begun with the body model \w{12}…, the one set now is 000000000000…"):
        open_dataset(tmp_path, {}, replace(model, sha256="0" * 64))


def test_choices_are_free_until_something_was_made_of_them(tmp_path, capsys):
    model, free = load_body_model(), tmp_path / "set"
    assert "cameras at 5 to 1 m" in fails(capsys, str(free), "--distance", "5", "1")
    assert not free.exists()
    open_dataset(tmp_path, {"people": 2}, model)
    assert open_dataset(tmp_path, {"people": 3, "passes": ("clouds",)}, model).config.passes == ("clouds",)
    (tmp_path / "bodies").mkdir()
    with pytest.raises(HpsError, match="begun with people = 3, now 4"):
        open_dataset(tmp_path, {"people": 4}, model)
    open_dataset(tmp_path, {"passes": ("labels",), "shard_pictures": 8}, model)
    (tmp_path / "shards").mkdir()
    with pytest.raises(HpsError, match="begun with shard_pictures = 8, now 9"):
        open_dataset(tmp_path, {"shard_pictures": 9}, model)
    config = open_dataset(tmp_path, {"passes": ("clouds",), "cloud_views": (1, 4)}, model).config
    assert (config.people, config.passes, config.cloud_views) == (3, ("labels", "clouds"), (1, 4))
    with pytest.raises(HpsError, match=r"begun with cloud_views = \[1, 4\], now \[2\]"):
        open_dataset(tmp_path, {"cloud_views": (2,)}, model)
    assert read_dataset_file(tmp_path).config == config


def test_pictures_cannot_follow_clouds_on_an_open_floor(tmp_path):
    model = load_body_model()
    open_dataset(tmp_path, {"passes": ("clouds",), "cloud_surroundings": "floor"}, model)
    for name in ("scenes", "shards"):
        (tmp_path / name).mkdir()
    with pytest.raises(HumanrigError, match="clouds on an open floor"):
        open_dataset(tmp_path, {"passes": ("images",)}, model)
    assert read_dataset_file(tmp_path).config.passes == ("clouds",)


def test_what_a_killed_program_left_is_cleared(tmp_path):
    for name in (
        "bodies/.s000000.npz.part12",
        ".manifest.json.partial",
        "cache/costumes/.a.part3",
        "bodies/s000000.npz",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".report.part7").mkdir()
    clear_left_over(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"cache/costumes/.a.part3", "bodies/s000000.npz"}  # the cache's may be another program's
    os.utime(tmp_path / "cache/costumes/.a.part3", (0, 0))
    clear_left_over(tmp_path)
    assert not list((tmp_path / "cache/costumes").iterdir())
    assert not (tmp_path / ".report.part7").exists()
