"""Shards on disk: bytes that depend on their content alone, names that appear when they are whole."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest
from stub_passes import STUBS, StubPass, stub_info, stub_table

from hps.errors import HpsError
from hps.synthesis.production.claims import Claims
from hps.synthesis.production.produce import produce, verify, workbench
from hps.synthesis.production.shard_manifest import ShardPaths, read_shard_manifest
from hps.synthesis.production.shard_plan import plan_shards
from hps.synthesis.production.shard_writer import ShardWriter
from hps.synthesis.production.tar_file import find_members, tar_end, tar_member
from hps.synthesis.sample import Sample


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    table = stub_table(folder)
    return folder, table, produce(folder, table, stub_info(), factory=STUBS, workers=0)


def shard_bytes(folder: Path) -> dict[str, str]:
    files = [p for p in sorted((folder / "shards").iterdir()) if p.suffix in (".tar", ".parquet")]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_tar_file_is_what_tar_reads_and_knows_no_owner_and_no_time(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(tar_member("k.a", b"x" * 512) + tar_member("k.b", b"") + tar_member("k.c", b"yy") + tar_end())
    with tarfile.open(path) as tar:
        found = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}
        assert {(m.uid, m.gid, m.mtime, m.mode, m.uname) for m in tar.getmembers()} == {(0, 0, 0, 0o644, "")}
    assert found == {"k.a": b"x" * 512, "k.b": b"", "k.c": b"yy"}
    content = path.read_bytes()
    assert {n: content[first : first + size] for n, (first, size) in find_members(path).items()} == found


@pytest.mark.parametrize("bytes_left", [1400, 1800, 10])
def test_a_tar_file_cut_short_is_told(tmp_path, bytes_left):
    path = tmp_path / "a.tar"
    path.write_bytes((tar_member("k.a", b"x" * 600) + tar_member("k.b", b"y" * 90) + tar_end())[:bytes_left])
    with pytest.raises(HpsError, match=r"a\.tar (is damaged|ends within)"):
        find_members(path)


def test_scenes_go_into_shards_of_one_split_in_their_order(tmp_path):
    table = stub_table(tmp_path)  # 6 scenes of 4 pictures, the last of another split
    assert [(s.name, len(s.scenes), s.pictures) for s in plan_shards(table, 8)] == [
        ("train-00000", 2, 8),
        ("train-00001", 2, 8),
        ("train-00002", 1, 4),
        ("test-00000", 1, 4),
    ]
    assert [len(s.scenes) for s in plan_shards(table, 1)] == [1] * 6  # a scene is never cut
    assert sum((s.scenes for s in plan_shards(table, 8)), ()) == table.names


def test_a_shard_holds_what_the_passes_gave(made):
    folder, _, production = made
    assert production.manifest["samples"] == {"images": 24, "labels": 24}
    found = {m["shard"] + m["name"]: m["sha256"]["tar"] for m in production.manifest["shards"]}
    assert found["test-00000labels"] == shard_bytes(folder)["test-00000.labels.tar"]
    members = find_members(folder / "shards" / "train-00001.images.tar")
    assert list(members)[:3] == ["s000002_000_c00.a.txt", "s000002_000_c00.b.bin", "s000002_000_c01.a.txt"]
    assert not list((folder / "shards").glob(".*"))


def test_a_run_again_makes_nothing_and_other_settings_only_what_they_change(made):
    folder, table, _ = made
    before = {p.name: p.stat().st_mtime_ns for p in (folder / "shards").iterdir()}
    manifest = (folder / "manifest.json").read_bytes()
    assert produce(folder, table, stub_info(), factory=STUBS, workers=0).pictures == 0
    assert {p.name: p.stat().st_mtime_ns for p in (folder / "shards").iterdir()} == before
    assert (folder / "manifest.json").read_bytes() == manifest
    bench = workbench(folder, table, stub_info(effects=False), STUBS)
    assert {kind.name for shard in bench.shards for kind in bench.missing(shard)} == {"images"}


@pytest.mark.parametrize("change", ["cut", "altered", "missing", "manifest"])
def test_a_damaged_shard_is_found_and_made_again_as_it_was(tmp_path, change):
    table = stub_table(tmp_path, scenes=3)
    produce(tmp_path, table, stub_info(), factory=STUBS, workers=0)
    before, manifest = shard_bytes(tmp_path), (tmp_path / "manifest.json").read_bytes()
    path = tmp_path / "shards" / "train-00000.images.tar"
    content = bytearray(path.read_bytes())
    if change == "cut":
        path.write_bytes(content[:-100])
    elif change == "altered":
        content[700] ^= 1
        path.write_bytes(content)
    elif change == "missing":
        path.unlink()
    else:
        path.with_suffix(".json").write_text("{")
    bench = workbench(tmp_path, table, stub_info(), STUBS)
    # a normal run compares sizes alone: it sees all but altered bytes
    assert [k.name for k in bench.missing(bench.shards[0])] == ([] if change == "altered" else ["images"])
    (told,) = verify(bench)
    assert told.startswith("shard train-00000, images: train-00000.images.")
    assert produce(tmp_path, table, stub_info(), factory=STUBS, workers=0).pictures == 8
    assert shard_bytes(tmp_path) == before
    assert (tmp_path / "manifest.json").read_bytes() == manifest
    assert verify(bench) == []


def test_rows_that_are_not_the_schema_s_are_refused_before_anything_is_written(tmp_path):
    writer = ShardWriter(ShardPaths(folder=tmp_path, shard="train-00000", name="images"), StubPass("images").schema)
    row = {"key": "k", "scene": "s", "split": "train", "value": 1.0}
    sample = Sample(key="k", files={"a": b"1"}, rows=(row,))
    for wrong, message in (
        (Sample(key="k", rows=({**row, "extra": 1},)), "extra"),
        (Sample(key="k", rows=({n: row[n] for n in ("key", "scene")},)), "split, value"),
        (Sample(key="k", rows=({**row, "value": "far"},)), "do not fit their columns"),
        (Sample(key="k", rows=({**row, "key": "other"},)), "key 'other'"),
        (Sample(key="k", files={"a": b"1"}), "no row"),
    ):
        with pytest.raises(HpsError, match=message):
            writer.add([sample, wrong] if wrong.key != "k" else [wrong])
    writer.add([sample])
    with pytest.raises(HpsError, match="sample k twice"):
        writer.add([sample])
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_of_another_make_is_none(tmp_path):
    paths = ShardPaths(folder=tmp_path, shard="train-00000", name="images")
    for text in ("", "[]", "{}", '{"format": 1}'):
        paths.manifest.write_text(text)
        assert read_shard_manifest(paths) is None


def test_a_shard_is_held_by_one_process_alone(tmp_path):
    import subprocess
    import sys

    script = (
        "import sys; from pathlib import Path; from hps.synthesis.production.claims import Claims\n"
        "with Claims(Path(sys.argv[1])).shard(3) as mine, Claims(Path(sys.argv[1])).shard(4) as other:\n"
        "    print(mine, other)"
    )
    with Claims(tmp_path) as claims, claims.shard(3) as mine:
        assert mine
        done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_motions_that_are_not_the_table_s_are_refused(tmp_path):
    table = stub_table(tmp_path, scenes=2)
    (tmp_path / "bodies" / "s000000.npz").write_bytes((tmp_path / "bodies" / "s000001.npz").read_bytes())
    with pytest.raises(HpsError, match=r"s000000\.npz: the motion of actor 0 is not the one of the scene table"):
        produce(tmp_path, table, stub_info(), factory=STUBS, workers=0)
    assert not list((tmp_path / "shards").glob("*train-00000*"))


def test_an_empty_table_is_refused(tmp_path):
    with pytest.raises(HpsError, match="no scene"):
        produce(tmp_path, type(stub_table(tmp_path)).of({}), stub_info(), factory=STUBS, workers=0)


def test_columns_have_the_types_of_the_schema(made):
    import pyarrow.parquet as pq

    table = pq.read_table(made[0] / "shards" / "train-00000.labels.parquet")
    assert table.schema.field("value").type == pa.float64()
    assert table.num_rows == 8
