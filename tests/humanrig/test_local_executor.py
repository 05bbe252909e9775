"""The local executor does what every executor does, and holds its memory, its processes and its promises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from executor_conformance import ExecutorConformance, ends_of, events_of, task

from humanrig.errors import HumanrigError
from humanrig.executors import local
from humanrig.executors.executor import Started, Task
from humanrig.executors.local import LocalExecutor


class TestLocal(ExecutorConformance):
    @pytest.fixture(scope="class")
    def executor(self) -> Iterator[LocalExecutor]:
        with LocalExecutor(2, memory_bytes=1 << 33) as executor:
            yield executor


def test_the_way_that_a_process_died_is_named() -> None:
    with LocalExecutor(1) as executor:
        executor.submit(task("die"))
        assert ends_of(executor, 1)["task"].died.startswith("signal 9 (SIGKILL)")


def test_what_workers_print_is_kept_until_one_dies_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    with LocalExecutor(1) as executor:
        for die in (True, False):
            executor.submit(task("chatter", "talks" if not die else "dies", die=die))
        ends = ends_of(executor, 2)
        executor.submit(task("die"))
        silent = ends_of(executor, 1)["task"]
    assert ends["dies"].died == "signal 6 (SIGABRT), after it said 'terminate called after throwing 'std::bad_alloc''"
    assert ends["talks"].value == "done"
    assert silent.died == "signal 9 (SIGKILL)"  # what a task said before is no word of this one
    assert capfd.readouterr() == ("", "")


def test_no_more_memory_is_promised_than_there_is(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with LocalExecutor(2, memory_bytes=100) as executor:
        for name in ("one", "two"):
            executor.submit(task("rest", name, memory_bytes=60, seconds=0.2, log=str(log)))
        executor.submit(task("add", "small", memory_bytes=40, a=1, b=1))
        started = [event.task.name for event in events_of(executor, 3) if isinstance(event, Started)]
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["begin", "end", "begin", "end"]
    assert started == ["one", "small", "two"]  # a small one passes one that waits


def test_a_task_that_needs_more_than_is_free_runs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "memory_for_tasks", lambda: 100)
    monkeypatch.setattr(local, "memory_in_all", lambda: 1000)
    log = tmp_path / "log"
    with LocalExecutor(2) as executor:
        for name in ("large", "small"):
            executor.submit(task("rest", name, memory_bytes=500 if name == "large" else 1, seconds=0.1, log=str(log)))
        assert all(end.fine for end in ends_of(executor, 2).values())
        with pytest.raises(HumanrigError, match="giant needs"):
            executor.submit(task("add", "giant", memory_bytes=1001))
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["begin", "end", "begin", "end"]


def test_processes_live_on_from_task_to_task() -> None:
    with LocalExecutor(1) as executor:
        pids = set()
        for _ in range(3):
            executor.submit(task("add", a=1, b=1))
            pids.add(ends_of(executor, 1)["task"].value["pid"])
    assert len(pids) == 1
    with pytest.raises(ProcessLookupError):  # closed, and gone
        os.kill(pids.pop(), 0)


def test_a_gpu_that_is_not_there_is_refused() -> None:
    with LocalExecutor(1, gpus=0.0) as executor, pytest.raises(HumanrigError, match="asks for 1 GPUs"):
        executor.submit(Task(name="point", call="executor_tasks:add", gpus=1.0))


def test_no_worker_at_all_is_refused() -> None:
    with pytest.raises(HumanrigError, match="at least one"):
        LocalExecutor(0)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from executor_conformance import task\n"
        "from humanrig.executors.local import LocalExecutor\n"
        "if __name__ == '__main__':\n"
        "    executor = LocalExecutor(1)\n"
        "    executor.submit(task('rest', seconds=60.0, log=sys.argv[2]))\n"
        "    executor.events(60); executor.events(60)\n"
    )
    script, log = tmp_path / "parent.py", tmp_path / "log"
    script.write_text(program)
    parent = subprocess.Popen([sys.executable, str(script), str(Path(__file__).parent), str(log)])
    until = time.monotonic() + 30
    while not log.exists() or not log.read_text().endswith("\n"):
        assert time.monotonic() < until
        time.sleep(0.02)
    worker = int(log.read_text().split()[1])
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while _state(worker) not in ("", "Z"):
        assert time.monotonic() < until
        time.sleep(0.02)


def _state(pid: int) -> str:
    """As /proc says it; empty where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
