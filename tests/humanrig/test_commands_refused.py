"""Commands that write, where no file may grow, or nothing may be made: a sentence, and nothing half under its name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from small_rig import small_session

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.faults.program import Program

pytestmark = pytest.mark.slow
SIMULATE = ("simulate", "{folder}/made", "--scenario", "empty", "--cameras", "1", "--seconds", "0.1", "--workers", "1",
            "--depth-mode", "NFOV_2X2BINNED")  # fmt: skip
COMMANDS = {
    "simulate": SIMULATE,
    "board": ("board", "make", "--preset", "a3", "--pdf", "{folder}/made.pdf"),
    "subjects": ("subjects", "add", "12", "--height", "1.8", "--catalogue", "{folder}/made"),
    "repair": ("repair", "{folder}/cut"),
    "reconstruct": ("reconstruct", "{folder}/take", "--until", "sync"),
}
"""What each makes is {folder}/made…, or in {folder}/take."""


def prepared(folder: Path) -> Path:
    """A take, and one that was cut short."""
    folder.mkdir()
    small_session(folder / "take", frames=6)
    small_session(folder / "cut", frames=6)
    recording = folder / "cut" / "recording" / "rig.mcap"
    recording.write_bytes(recording.read_bytes()[:-300])
    return folder


def state(folder: Path) -> dict[str, bytes]:
    """Every file, without the lease of a holder that is gone."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != ".lease")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


@pytest.mark.parametrize("fault", ["size@50", "full@1", "readonly@2"])
@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_refused_in_a_sentence(tmp_path: Path, name: str, fault: str) -> None:
    folder = prepared(tmp_path / "place")
    before = state(folder)
    words = [word.format(folder=folder) for word in COMMANDS[name]]
    program = Program(words, fault, folder)
    code, said = program.wait(), program.said
    if code == 2:
        pytest.fail(f"wrong usage: {said}")
    if code == 0:
        assert fault != "size@50", "no file was longer than 50 bytes"
        return  # it makes fewer changes than that
    assert code == 1, said
    assert "Traceback" not in said
    assert "humanrig: " in said
    after = state(folder)
    assert {path: data for path, data in after.items() if path in before} == before
    assert [path for path in after if path not in before and not _is_own_trace(path)] == []
    again = Program(words)
    assert again.wait() == 0, again.said
    assert [path for path in state(folder) if Path(path).name.startswith(".") or "partial" in path] == []


def _is_own_trace(path: str) -> bool:
    """Hidden working files, which the next run takes away."""
    return any(part.startswith(".") for part in Path(path).parts)
