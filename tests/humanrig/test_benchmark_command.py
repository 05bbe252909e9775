"""`humanrig benchmark points`: what its options ask of the set, and how it refuses."""

from pathlib import Path
from typing import Any

import pytest

from hps.errors import HpsError
from humanrig.cli import main


@pytest.mark.parametrize(("more", "parts"), [([], None), (["--parts", "kinect", "--parts", "far"], ("kinect", "far"))])
def test_without_parts_the_whole_set_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], parts: tuple[str, ...] | None
) -> None:
    asked: list[Any] = []

    def opened(folder: Path, split: str, parts: Any) -> None:
        asked.append((split, parts if parts is None else tuple(parts)))
        raise HpsError("far enough")

    (tmp_path / "kinect-test").mkdir()
    monkeypatch.setattr("humanrig.benchmarking.point_benchmark.BenchmarkSet.open", opened)
    assert main(["benchmark", "points", str(tmp_path), *more]) == 1
    assert asked == [("test", parts)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name the folder of a set"),
        (["none"], "none"),
        (["none", "--make", "set"], "were both given"),
        (["none", "--threads", "0"], "at least one thread"),
        (["none", "--parts", "nothing"], "--parts"),
    ],
)
def test_what_cannot_be_run_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["benchmark", "points", *words]) == 1
    heard = " ".join(capsys.readouterr().err.split())
    assert heard.startswith("humanrig: ")
    assert said in heard
    assert list(tmp_path.iterdir()) == []
