"""Troubles of the factory: scenes that fail, processes that die, a full disk, two programs, choices that disagree."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from stub_passes import STUBS, stub_info, stub_table
from test_shards import shard_bytes

from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.production.dataset_file import (
    continued,
    read_dataset_file,
    validated_config,
    write_dataset_file,
)
from hps.synthesis.production.produce import produce
from hps.synthesis.reading import SyntheticDataset


def trouble(folder: Path, words: str, moment: str = "") -> Path:
    (folder / "trouble").mkdir(exist_ok=True)
    (folder / "trouble" / words).write_text(moment)
    return folder / "trouble" / words


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    produce(folder, stub_table(folder), stub_info(), factory=STUBS, workers=0)
    return shard_bytes(folder), (folder / "manifest.json").read_bytes()


@pytest.mark.parametrize(("moment", "lost"), [("stage", {"images", "labels"}), ("mid", {"labels"})])
def test_a_scene_that_fails_is_left_out_and_named(tmp_path, moment, lost):
    trouble(tmp_path, "fail s000001", moment)
    said = []
    table = stub_table(tmp_path)
    write_dataset_file(tmp_path, stub_info())
    made = produce(tmp_path, table, stub_info(), factory=STUBS, workers=0, on_said=said.append)
    reason = "the clothes fly away" if moment == "stage" else "labels: the clothes fly away"
    assert said == [f"scene s000001 is left out: {reason}"]
    assert made.manifest["failures"] == [
        {"split": "train", "scene": "s000001", "pass": name, "reason": reason} for name in sorted(lost)
    ]
    assert len((tmp_path / "failures.csv").read_text().splitlines()) == 1 + len(lost)
    assert made.manifest["samples"]["labels"] == 20
    data = SyntheticDataset(tmp_path, "train")
    assert data.failures == {"s000001": reason}
    assert len(data) == 16
    assert not any(key.startswith("s000001") for key in data.keys)


def test_a_fault_of_the_program_in_one_scene_is_named_with_its_place(tmp_path):
    trouble(tmp_path, "bug s000000")
    made = produce(tmp_path, stub_table(tmp_path), stub_info(), factory=STUBS, workers=0)
    reason = made.manifest["failures"][0]["reason"]
    assert reason.startswith("ZeroDivisionError: of an odd scene (stub_passes.py, line ")


def test_a_shard_without_any_scene_ends_the_work(tmp_path):
    for scene in ("s000002", "s000003"):
        trouble(tmp_path, f"fail {scene}")
    with pytest.raises(HpsError, match="no scene of shard train-00001 could be made; s000002: the clothes fly away"):
        produce(tmp_path, stub_table(tmp_path), stub_info(), factory=STUBS, workers=0)
    assert not list((tmp_path / "shards").glob(".*"))
    assert (tmp_path / "shards" / "train-00000.images.json").exists()


def test_a_lonely_scene_that_fails_does_not_end_the_work(tmp_path):
    trouble(tmp_path, "fail s000005")  # the only one of its split, and so of its shard
    write_dataset_file(tmp_path, stub_info())
    made = produce(tmp_path, stub_table(tmp_path), stub_info(), factory=STUBS, workers=0)
    assert {failure["scene"] for failure in made.manifest["failures"]} == {"s000005"}
    data = SyntheticDataset(tmp_path, "test")
    assert (len(data), list(data), data.failures) == (0, [], {"s000005": "the clothes fly away"})
    assert data.table("labels").num_rows == 0


def test_shards_of_tables_that_became_smaller_are_removed(tmp_path):
    produce(tmp_path, stub_table(tmp_path, scenes=6), stub_info(), factory=STUBS, workers=0)
    said = []
    produce(tmp_path, stub_table(tmp_path, scenes=3), stub_info(), factory=STUBS, workers=0, on_said=said.append)
    assert said == [f"shard train-0000{n} is of other tables; it is removed" for n in (1, 2)]
    assert {path.name.split(".")[0] for path in (tmp_path / "shards").iterdir()} == {"train-00000", "test-00000"}


def test_a_pass_that_another_program_added_meanwhile_is_in_the_manifest(tmp_path, monkeypatch):
    def stubs(config):
        return replace(STUBS, kinds=tuple(kind for kind in STUBS.kinds if kind.name in config.passes))

    monkeypatch.setattr("hps.synthesis.production.produce.standard_factory", stubs)
    table = stub_table(tmp_path, scenes=2)
    write_dataset_file(tmp_path, stub_info())
    for passes in (("images", "labels"), ("images",)):  # the second is the program that was started first
        made = produce(tmp_path, table, stub_info(passes=passes), workers=0)
        assert made.manifest["samples"] == {"images": 8, "labels": 8}


def test_the_choices_are_kept_and_may_not_be_changed(tmp_path):
    info = stub_info(people=7, sensors=("kinect", "iphone"), cloud_mask_px=(-1, 2))
    write_dataset_file(tmp_path, info)
    assert read_dataset_file(tmp_path) == info
    assert continued(info.config, {}, tmp_path) == info.config
    assert continued(info.config, {"people": 7, "passes": ("clouds",)}, tmp_path).passes == (
        "images",
        "labels",
        "clouds",
    )
    with pytest.raises(HpsError, match=r"was begun with people = 7, now 8 is asked for; leave it out"):
        continued(info.config, {"people": 8}, tmp_path)
    with pytest.raises(HpsError, match=r"begun with sensors = \[\"kinect\", \"iphone\"\]"):
        continued(info.config, {"sensors": ("kinect",)}, tmp_path)
    with pytest.raises(HpsError, match=r"views = 0"):
        continued(info.config, {"views": 0}, tmp_path)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"shares": (0.8, 0.1, 0.2)}, r"0\.8 \+ 0\.1 \+ 0\.2 = 1\.1; they must add up to 1"),
        ({"groups": 0.7, "crowds": 0.4}, r"groups 0\.7 \+ crowds 0\.4 are more than all scenes"),
        (
            {"passes": ("clouds",), "views": 2, "cloud_views": (1, 4)},
            "clouds of 4 cameras .*, scenes have 2; give smaller",
        ),
        ({"cloud_mask_px": (3, -3)}, "is 3 to -3; give the lower end first"),
        ({"sensors": ()}, r"sensors = \(\)"),
        ({"passes": ()}, r"passes = \(\)"),
    ],
)
def test_choices_that_do_not_go_together_are_told(wishes, message):
    with pytest.raises(HpsError, match=message):
        validated_config(wishes, "here")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format = 1", "is damaged"),
        ("format =", "is damaged"),
        ('format = 2\nsoftware = "x"\nbody_model_sha256 = "x"\n[config]', "has format 2, this program reads 1"),
        ('format = 1\nsoftware = "x"\nbody_model_sha256 = "x"\n[config]\npeopel = 3', "peopel = 3: Unexpected keyword"),
    ],
)
def test_a_dataset_file_that_makes_no_sense_is_told(tmp_path, text, message):
    (tmp_path / "dataset.toml").write_text(text)
    with pytest.raises(HpsError, match=message):
        read_dataset_file(tmp_path)


def test_a_configuration_of_every_field_survives_its_file(tmp_path):
    config = validated_config({"seed": 3, "distance_m": [1.0, 9.0], "passes": ["clouds"]}, "here")
    assert config == SynthesisConfig(seed=3, distance_m=(1.0, 9.0), passes=("clouds",))
    write_dataset_file(tmp_path, stub_info(**json.loads(json.dumps(config.__dict__))))
    assert read_dataset_file(tmp_path).config == config


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_processes_makes_the_same_bytes(tmp_path, unbroken, workers):
    reports = []
    table = stub_table(tmp_path)
    made = produce(
        tmp_path, table, stub_info(), factory=STUBS, workers=workers, on_progress=lambda *now: reports.append(now)
    )
    assert (shard_bytes(tmp_path), (tmp_path / "manifest.json").read_bytes()) == unbroken
    assert made.workers == min(workers, 4)
    assert reports[0] == (0, 24)
    assert reports[-1] == (24, 24)


@pytest.mark.slow
def test_a_process_that_dies_is_replaced(tmp_path, unbroken):
    said = []
    table = stub_table(tmp_path)
    trouble(tmp_path, "die_once s000002", "mid")
    produce(tmp_path, table, stub_info(), factory=STUBS, workers=2, on_said=said.append)
    assert said == [
        "a process ended by itself (signal 9 (SIGKILL)); another takes its place; shard train-00001 is made again"
    ]
    assert (shard_bytes(tmp_path), (tmp_path / "manifest.json").read_bytes()) == unbroken


@pytest.mark.slow
def test_a_shard_that_kills_its_processes_ends_the_work_and_the_others_are_kept(tmp_path, unbroken):
    table = stub_table(tmp_path)
    file = trouble(tmp_path, "die s000002", "mid")
    with pytest.raises(HpsError, match=r"3 processes ended by themselves while shard train-00001 was made.*--workers"):
        produce(tmp_path, table, stub_info(), factory=STUBS, workers=1)
    assert not list((tmp_path / "shards").glob(".*"))
    kept = shard_bytes(tmp_path)
    assert kept.items() < unbroken[0].items()
    assert "train-00000.images.tar" in kept
    file.unlink()
    produce(tmp_path, table, stub_info(), factory=STUBS, workers=1)
    assert shard_bytes(tmp_path) == unbroken[0]


@pytest.mark.slow
def test_a_full_disk_is_told_and_finished_shards_are_kept(tmp_path, unbroken):
    table = stub_table(tmp_path)
    file = trouble(tmp_path, "full s000002", "mid")
    with pytest.raises(HpsError, match=r"shards: the disk is full .*; \d of 4 shards are finished and kept; free some"):
        produce(tmp_path, table, stub_info(), factory=STUBS, workers=1)
    assert not list((tmp_path / "shards").glob(".*"))
    assert "train-00000.labels.tar" in shard_bytes(tmp_path)
    file.unlink()
    produce(tmp_path, table, stub_info(), factory=STUBS, workers=1)
    assert shard_bytes(tmp_path) == unbroken[0]


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from stub_passes import STUBS, stub_info, stub_table
from hps.synthesis.production.produce import produce
if __name__ == "__main__":
    folder = Path({folder!r})
    made = produce(folder, stub_table(folder), stub_info(), factory=STUBS, workers=2)
    print(made.pictures)
"""


def program(folder: Path) -> subprocess.Popen:
    code = folder / ".program.py"
    code.write_text(PROGRAM.format(tests=str(Path(__file__).parent), folder=str(folder)))
    return subprocess.Popen(
        [sys.executable, str(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd()
    )


@pytest.mark.slow
def test_two_programs_share_the_work(tmp_path, unbroken):
    trouble(tmp_path, "slow")
    stub_table(tmp_path)
    programs = [program(tmp_path), program(tmp_path)]
    out = [p.communicate(timeout=60) for p in programs]
    assert [p.returncode for p in programs] == [0, 0], out
    assert sum(int(text) for text, _ in out) == 24  # no picture was made twice
    assert (shard_bytes(tmp_path), (tmp_path / "manifest.json").read_bytes()) == unbroken


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_half_made_and_no_process(tmp_path, unbroken):
    table = stub_table(tmp_path)
    trouble(tmp_path, "slow")
    seen = threading.Event()

    def interrupt(done: int, total: int) -> None:
        if done and not seen.is_set():
            seen.set()
            raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        produce(tmp_path, table, stub_info(), factory=STUBS, workers=2, on_progress=interrupt)
    assert time.monotonic() - begun < 60
    assert not list((tmp_path / "shards").glob(".*"))
    import multiprocessing

    assert multiprocessing.active_children() == []
    produce(tmp_path, table, stub_info(), factory=STUBS, workers=2)
    assert shard_bytes(tmp_path) == unbroken[0]
