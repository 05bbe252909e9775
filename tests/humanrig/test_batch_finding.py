"""Which sessions words name: each once, folders of them, and what is no session as a row of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_stages import take

from humanrig.batch.asking import Asked
from humanrig.batch.finding import DEEPEST, find_sessions
from humanrig.batch.running import is_batch, run_batch
from humanrig.errors import HumanrigError


def names(words: list[str], folder: Path) -> list[str]:
    return [str(Path(one.name).relative_to(folder)) for one in find_sessions(words)]


def test_a_day_holds_its_sessions_in_order(tmp_path: Path) -> None:
    for name in ("day/b", "day/a", "day/more/c", "day/.hidden/d", "day/a/recording/background"):
        take(tmp_path / name)
    assert names([str(tmp_path / "day")], tmp_path) == ["day/a", "day/b", "day/more/c"]


def test_a_session_that_is_named_twice_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(tmp_path / "day" / "a")
    (tmp_path / "link").symlink_to(tmp_path / "day" / "a")
    monkeypatch.chdir(tmp_path)
    found = find_sessions(["day/a", "day", "link", str(tmp_path / "day" / "a"), "day/../day/a/"])
    assert [one.name for one in found] == ["day/a"]


def test_the_empty_room_and_the_board_of_a_day_are_left_out_unless_they_are_named(tmp_path: Path) -> None:
    for name, action in (("a", "walk"), ("empty", "background"), ("board", "board")):
        take(tmp_path / name, action=action)
    assert [bool(one.left_out) for one in find_sessions([str(tmp_path)])] == [False, True, True]
    assert not find_sessions([str(tmp_path / "board")])[0].left_out
    both = find_sessions([str(tmp_path), str(tmp_path / "board")])
    assert [bool(one.left_out) for one in both] == [False, False, True]


def test_what_is_no_session_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    found = find_sessions([str(tmp_path / name) for name in ("nowhere", "file", "empty")])
    assert ["no session at" in one.trouble for one in found] == [True, True, False]
    assert "no session in" in found[2].trouble


def test_a_damaged_session_is_found_so_that_it_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "session.toml").write_text("schema = 99")
    (found,) = find_sessions([str(tmp_path)])
    assert not found.left_out
    assert not found.trouble


def test_folders_that_lead_into_themselves_end(tmp_path: Path) -> None:
    take(tmp_path / "a")
    (tmp_path / "round").symlink_to(tmp_path)
    assert len(find_sessions([str(tmp_path)])) == 1
    deep = tmp_path.joinpath("deep", *["x"] * DEEPEST)
    take(deep / "a")
    assert "no session in" in find_sessions([str(tmp_path / "deep")])[0].trouble


def test_one_session_is_no_batch(tmp_path: Path) -> None:
    take(tmp_path / "day" / "a")
    assert not is_batch([str(tmp_path / "day" / "a")])
    assert not is_batch([str(tmp_path / "nowhere")])
    assert is_batch([str(tmp_path / "day")])
    assert is_batch([str(tmp_path / "day" / "a"), str(tmp_path / "day" / "a")])


OPTIONS = {"executor": "local", "workers": 1, "address": None, "gpus_per_task": 0.0, "index": None, "json": False}


@pytest.mark.parametrize("gpus", [-1.0, 1.5, float("nan"), float("inf")])
def test_a_share_of_a_gpu_that_cannot_be_is_refused_before_anything_is_done(tmp_path: Path, gpus: float) -> None:
    with pytest.raises(HumanrigError, match=r"--gpus-per-task .*: expected a share"):
        run_batch([str(take(tmp_path / "a"))], Asked(), **{**OPTIONS, "gpus_per_task": gpus})


def test_an_index_of_sessions_in_a_store_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="needs the extra [cluster]")
    words = [f"file://{take(tmp_path / 'a')}"]
    with pytest.raises(HumanrigError, match=r"--index: file://.*is in a store"):
        run_batch(words, Asked(), **{**OPTIONS, "index": tmp_path / "page"})
