"""A session on a file system that cannot be written: what only reads works, what writes says so in a sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_rig import small_session

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.faults.program import Program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A session with its first stage done, on a disk that was made read-only."""
    place = tmp_path_factory.mktemp("disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("only root may mount a disk that is read-only")
    try:
        session = small_session(place / "take", frames=6)
        first = Program(["reconstruct", str(session), "--until", "sync"])
        assert first.wait() == 0, first.said
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield session
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check", "{take}"), 0),
        (("repair", "{take}"), 0),
        (("plan", "{take}"), 0),
        (("view", "{take}", "--seconds", "0.1", "--port", "0"), 0),
        (("reconstruct", "{take}"), 1),
        (("report", "{take}"), 1),
        (("clouds", "{take}"), 1),
        (("calibrate", "{take}", "--board", "a3"), 1),
    ],
)
def test_reading_works_and_writing_is_refused(take: Path, words: tuple[str, ...], code: int) -> None:
    program = Program([word.format(take=take) for word in words])
    assert program.wait() == code, program.said
    assert "Traceback" not in program.said
    assert code == 0 or "read-only" in " ".join(program.said.split()).lower()
