"""The command over real sessions and processes: equal outputs whoever works, and nothing lost to kills and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from small_rig import small_session

from humanrig.pipeline import STAGES

UNTIL = "calibrate"
STAGES_RUN = STAGES[: STAGES.index(UNTIL) + 1]
LONGEST_S = 200.0

pytestmark = pytest.mark.slow


def day(folder: Path, sessions: int = 3) -> Path:
    for number in range(sessions):
        small_session(folder / f"take{number}", devices=2, frames=10 + number)
    return folder


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "humanrig.cli", "reconstruct", str(folder), "--until", UNTIL, "--json", *words]
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # shells let what they start in the background ignore it
    try:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, before)


def finish(program: subprocess.Popen[str], code: int = 0) -> dict[str, Any]:
    out, err = program.communicate(timeout=LONGEST_S)
    assert program.returncode == code, err
    return json.loads(out)


def outputs(folder: Path) -> dict[str, dict[str, list[Any]]]:
    """What the manifests say was made, by session and stage."""
    found = sorted(folder.glob("*/*/manifest.json"))
    read = [(path.parent.parent.name, json.loads(path.read_text())) for path in found]
    return {f"{session}/{values['stage']}": values["outputs"] for session, values in read}


def leftovers(folder: Path) -> list[Path]:
    return list(folder.glob("*/.*"))


def until(condition: Any) -> Any:
    end = time.monotonic() + LONGEST_S
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return value


def workers_of(program: subprocess.Popen[str]) -> list[int]:
    try:
        children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    except OSError:
        return []


def alone(group: int) -> bool:
    """Whether no process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_one_or_two_workers_make_the_same_and_a_second_run_makes_nothing(tmp_path: Path) -> None:
    one, two = day(tmp_path / "one"), day(tmp_path / "two")
    finish(start(one, "--workers", "1"))
    finish(start(two, "--workers", "2"))
    assert set(outputs(one)) == {f"take{n}/{stage}" for n in range(3) for stage in STAGES_RUN}
    assert outputs(one) == outputs(two)
    again = finish(start(two, "--workers", "2"))
    assert all(stage["skipped"] for session in again["sessions"].values() for stage in session["stages"].values())
    assert leftovers(two) == []


def test_a_killed_worker_and_a_killed_program_lose_nothing(tmp_path: Path) -> None:
    whole, killed = day(tmp_path / "whole"), day(tmp_path / "killed")
    finish(start(whole, "--workers", "1"))
    program = start(killed, "--workers", "2")
    os.kill(until(lambda: workers_of(program))[-1], signal.SIGKILL)
    until(lambda: outputs(killed))
    os.kill(program.pid, signal.SIGKILL)
    program.communicate()
    until(lambda: alone(program.pid))  # the workers end with their parent
    before = set(outputs(killed))
    said = finish(start(killed, "--workers", "2"))
    redone = {
        f"{Path(session).name}/{stage}"
        for session, result in said["sessions"].items()
        for stage, values in result["stages"].items()
        if not values["skipped"]
    }
    assert not redone & before
    assert outputs(killed) == outputs(whole)
    assert leftovers(killed) == []


def test_ctrl_c_ends_all_of_it_and_says_how_to_go_on(tmp_path: Path) -> None:
    folder = day(tmp_path, sessions=2)
    program = start(folder, "--workers", "2")
    until(lambda: outputs(folder))
    os.killpg(program.pid, signal.SIGINT)  # as a terminal sends it: to the workers too
    _, err = program.communicate(timeout=LONGEST_S)
    assert program.returncode == 130
    assert "run the same command to go on" in err
    assert "Traceback" not in err
    until(lambda: alone(program.pid))
    assert leftovers(folder) == []
    finish(start(folder, "--workers", "2"))
    assert len(outputs(folder)) == 2 * len(STAGES_RUN)


def test_a_damaged_session_fails_alone_and_the_exit_code_says_so(tmp_path: Path) -> None:
    folder = day(tmp_path, sessions=1)
    (folder / "broken").mkdir()
    (folder / "broken" / "session.toml").write_text("schema = 99\n")
    said = finish(start(folder), code=1)["sessions"]
    assert said[str(folder / "take0")]["state"] == "done"
    assert "install a newer humanrig" in said[str(folder / "broken")]["error"]
