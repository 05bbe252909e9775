"""The fuzzer: its faults are the same each time, it finds what a reader must not do, and no importer does it."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from fuzz_importers import run
from fuzzing import driver
from fuzzing.catalogue import importer_named, importers
from fuzzing.corpus import corpus_of
from fuzzing.faults.archives import ARCHIVES, archive_of, bomb, members_of
from fuzzing.faults.chosen import FAULTS, damage, faults_of
from fuzzing.faults.fault import Means
from fuzzing.faults.raw import RAW
from fuzzing.importer import Importer
from fuzzing.importers.bait import DEEDS, deed_of
from fuzzing.journal import Tally, read_tally, write_tally
from fuzzing.outcome import FINDINGS, Outcome
from fuzzing.table import table
from fuzzing.victim import Victim

INPUTS = 25
"""Of each importer in the slow test; `scripts/fuzz_importers.py` reads ten thousand."""


def written(folder: Path) -> Path:
    """Files of several kinds, some of them in a folder."""
    folder.mkdir()
    np.savez(folder / "a.npz", a=np.arange(12.0).reshape(3, 4), names=np.array(["x", "y"]))
    (folder / "b.json").write_text('{"a": [1, 2.5, {"b": "c"}], "d": null}')
    (folder / "c.bin").write_bytes(np.random.default_rng(0).bytes(500))
    (folder / "d").mkdir()
    (folder / "d" / "e.toml").write_text('a = 1\n[b]\nc = "d"\n')
    (folder / "d" / "f.bin").write_bytes(bytes(100))
    return folder


def test_the_same_number_gives_the_same_input_and_nearly_all_are_damaged(tmp_path):
    seeds = sorted(written(tmp_path / "seeds").iterdir())
    names, same = set(), 0
    for number in range(120):
        found = []
        for k in range(2):
            rng = np.random.default_rng(number)
            copy = tmp_path / f"{number}-{k}{seeds[number % 3].suffix}"
            copy.write_bytes(seeds[number % 3].read_bytes())
            found.append((damage(copy, rng, canary=tmp_path, others=seeds, hidden=frozenset()), copy.read_bytes()))
        names.add(found[0][0])
        same += found[0][1] == seeds[number % 3].read_bytes()
        assert found[0][0] == found[1][0]
        if seeds[number % 3].suffix != ".npz":  # an archive holds the time at which it was written
            assert found[0] == found[1]
    assert names <= set(FAULTS)
    assert len(names) > 10
    assert same < 4


def test_a_damaged_member_of_an_archive_passes_the_checksum(tmp_path):
    data = (written(tmp_path / "seeds") / "a.npz").read_bytes()
    rng, whole = np.random.default_rng(0), 0
    within = [fault for name, faults in faults_of(data, ".npz")[len(RAW) :] if name not in ARCHIVES for fault in faults]
    for _ in range(60):
        means = Means(rng=rng, canary=tmp_path, other=data)
        changed = means.one(within)(data, means)
        members = None if changed is None else members_of(changed)
        whole += members is not None and members != members_of(data)
    assert whole > 30


def test_a_bomb_is_small_and_says_that_it_is_large(tmp_path):
    means = Means(rng=np.random.default_rng(0), canary=tmp_path, other=b"")
    made = bomb(archive_of([("a", b"x"), ("b", b"y")]), means)
    assert made is not None
    assert len(made) < 2 << 20
    (tmp_path / "a.zip").write_bytes(made)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, archive.open(archive.infolist()[-1].filename) as member:
        assert not any(member.read(1 << 16))


def test_a_tally_is_kept_and_its_findings_are_in_the_table(tmp_path):
    tally = Tally()
    tally.add(Outcome(number=0, fault="cut off", what="refused", seconds=0.5, said="CaptureError: x"))
    tally.add(Outcome(number=1, fault="bombs", what="memory", bytes=2**30))
    write_tally(tally, tmp_path / "a.json")
    assert read_tally(tmp_path / "a.json") == tally
    assert (tally.done, tally.of("refused"), tally.of("memory"), tally.slowest) == (2, 1, 1, 0)
    text = table([importer_named("bait")], {"bait": tally})
    assert "| `bait` | nothing | 2 | 0 | 1 | 1 | 0.5 | 1024 |" in text
    assert "**1 memory**" in text


def test_every_importer_has_a_name_and_words_of_its_own():
    assert len(importers()) > 60
    assert len({each.reads for each in importers()}) == len(importers())


def test_a_reader_that_cannot_begin_is_told_and_does_not_pass(tmp_path, capsys):
    def broken(folder: Path) -> None:
        raise RuntimeError("its writer is gone")

    importer = Importer(name="broken", reads="nothing", read=lambda path, to: None, seeds=broken)
    assert not run(importer, tmp_path, 5, 10.0, again=False)
    assert "broken: CANNOT START: broken: RuntimeError: its writer is gone" in capsys.readouterr().out
    assert not list((tmp_path / "corpus").iterdir())


@pytest.mark.slow
def test_everything_that_a_reader_must_not_do_is_found(tmp_path, monkeypatch):
    """A reader that crashes, hangs, fills the memory, runs code or writes elsewhere, by the bytes that it is given."""
    monkeypatch.setattr(driver, "HANG_S", 1.0)
    monkeypatch.setattr(driver, "STUCK_S", 3.0)
    corpus = corpus_of(importer_named("bait"), tmp_path)
    victim = Victim(importer_named("bait"), corpus, tmp_path / "scratch")
    numbers: dict[str, int] = {}
    for number in range(400):
        numbers.setdefault(deed_of(victim.made(number)[0].read_bytes()), number)
    assert set(numbers) == set(DEEDS)
    expected = {"pickle": "code", "network": "code", "here": "outside", "stuck": "hang"}
    for deed, number in numbers.items():
        (outcome,) = driver.outcomes("bait", corpus, number, 1)
        assert (outcome.number, outcome.what) == (number, expected.get(deed, deed)), outcome


@pytest.mark.slow
@pytest.mark.parametrize("each", [each.name for each in importers()])
def test_an_importer_reads_or_refuses_whatever_it_is_given(each, tmp_path):
    corpus = corpus_of(importer_named(each), tmp_path)
    found = list(driver.outcomes(each, corpus, 0, INPUTS))
    assert [outcome.number for outcome in found] == list(range(INPUTS))
    assert not [outcome for outcome in found if outcome.what in FINDINGS]
