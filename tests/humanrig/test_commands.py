"""The command line: words that are understood, and bad input that ends in one sentence and exit code 1."""

import errno
import json
import os
from pathlib import Path

import pytest

from humanrig.cli import _gathered, main
from humanrig.commands.reconstruct import parse_frames, read_configs
from humanrig.errors import HumanrigError
from humanrig.terminal import say


def fails(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one sentence of a command that fails."""
    assert main(words) == 1
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith("humanrig: ")
    assert "Traceback" not in captured.err
    return lines[0]


@pytest.mark.parametrize(("text", "span"), [("0:60", (0, 60)), (":5", (0, 5)), ("7:", (7, 2**31)), (None, None)])
def test_frames_are_a_span(text: str | None, span: tuple[int, int] | None) -> None:
    assert parse_frames(text) == span


@pytest.mark.parametrize("text", ["5", "5:5", "6:2", "a:b", "-1:4", "1:2:3"])
def test_other_spans_are_refused(text: str) -> None:
    with pytest.raises(HumanrigError, match="expected A:B"):
        parse_frames(text)


def test_options_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[sync]\ntolerance_us = 1\n[register]\nbetas = 10\n")
    configs = read_configs(path, ("sync.tolerance_us=2", "masks.name=text"))
    assert configs == {"sync": {"tolerance_us": 2}, "register": {"betas": 10}, "masks": {"name": "text"}}


def test_an_option_given_twice_counts_twice() -> None:
    words = "mesh S --option mesh.faces=9 mesh.clothes=true --json --option mesh.method=tsdf --without a"
    assert " ".join(_gathered(words.split())) == (
        "mesh S --option mesh.faces=9 mesh.clothes=true mesh.method=tsdf --json --without a"
    )
    words = "mesh S --option=mesh.faces=9 --frames 0:2 --without a --option=mesh.x=1"
    assert " ".join(_gathered(words.split())) == "mesh S --option mesh.faces=9 mesh.x=1 --frames 0:2 --without a"


@pytest.mark.parametrize("word", ["sync", "sync.tolerance_us", "=3", "sync.=3x"])
def test_words_that_are_no_option_are_refused(word: str) -> None:
    with pytest.raises(HumanrigError, match=r"STAGE\.KEY=VALUE"):
        read_configs(None, (word,))


def test_a_config_that_is_not_toml_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[sync")
    assert "not TOML" in fails(capsys, "reconstruct", str(tmp_path), "--config", str(path))
    assert "no such file" in fails(capsys, "reconstruct", str(tmp_path), "--config", str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    "words",
    [("reconstruct",), ("evaluate",), ("check",), ("report",), ("export", "--format", "glb")],
)
def test_a_folder_that_is_no_session(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple) -> None:
    command, *rest = words
    said = fails(capsys, command, str(tmp_path / "nothing"), *rest)
    assert "nothing" in said
    assert "humanrig import" in said


def test_a_source_that_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "absent.mkv" in fails(capsys, "import", str(tmp_path / "absent.mkv"), str(tmp_path / "take"))
    assert not (tmp_path / "take").exists()


def test_a_truncated_recording_leaves_no_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(100) + b"K4A_" + bytes(100))
    assert "broken.mkv" in fails(capsys, "import", str(path), str(tmp_path / "take"))
    assert [p.name for p in tmp_path.iterdir()] == ["broken.mkv"]


def test_unknown_stage_names_the_stages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "session.toml").write_text(
        'schema = 1\nid = "x"\ncreated = 2026-01-01T00:00:00Z\norigin = "test"\nstreams = []\n'
    )
    said = fails(capsys, "reconstruct", str(tmp_path), "--only", "mask")
    assert "no stage 'mask'" in said
    assert "masks" in said


def test_check_of_an_empty_session_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "session.toml").write_text(
        'schema = 1\nid = "x"\ncreated = 2026-01-01T00:00:00Z\norigin = "test"\nstreams = []\n'
    )
    status = main(["check", str(tmp_path), "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert status == 1
    assert printed["whole"] is False
    assert any(finding["level"] == "error" for finding in printed["findings"])


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "is read-only")])
def test_a_disk_that_takes_nothing_is_named(monkeypatch, capsys, number: int, said: str) -> None:
    def refuse(*args: object) -> None:
        raise OSError(number, os.strerror(number), "take/.lock")

    monkeypatch.setattr("capture.session.Session.open", refuse)
    sentence = fails(capsys, "calibrate", "take")
    assert said in sentence
    assert "take/.lock" in sentence


def test_what_is_said_is_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    """A word between colons is no emoji, one in brackets no markup."""
    say("--frames a:b: of [red]/takes/x[/red]")
    assert capsys.readouterr().err == "--frames a:b: of [red]/takes/x[/red]\n"
