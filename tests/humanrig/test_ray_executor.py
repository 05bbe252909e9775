"""The executor over Ray does what every executor must, on a cluster that it starts for itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the extra [cluster]")

from executor_conformance import ExecutorConformance, ends_of, task

from humanrig.errors import HumanrigError
from humanrig.executors.executor import Executor
from humanrig.executors.ray_cluster import RayExecutor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # the nodes shall find executor_tasks.py
        with RayExecutor(workers=2) as ray:
            yield ray


class TestRayExecutor(ExecutorConformance):
    """Everything of the conformance, and what is Ray's own."""

    def test_nothing_of_rays_is_printed_when_a_process_dies(
        self, executor: Executor, capfd: pytest.CaptureFixture[str]
    ) -> None:
        executor.submit(task("die"))
        end = ends_of(executor, 1)["task"]
        executor.events(1.0)
        assert f"{end.worker} was killed or crashed" in end.died
        assert capfd.readouterr() == ("", "")

    def test_every_port_is_on_loopback(self, executor: Executor) -> None:
        executor.submit(task("ports"))
        ports = ends_of(executor, 1)["task"].value
        assert ports
        assert {address for address, _ in ports} == {"127.0.0.1"}

    def test_a_second_one_in_the_same_process_is_refused(self, executor: Executor) -> None:
        with pytest.raises(HumanrigError, match="connected to a Ray cluster already"):
            RayExecutor(workers=1)


def test_nothing_of_it_lives_on_when_its_program_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from executor_conformance import task\n"
        "from humanrig.executors.ray_cluster import RayExecutor\n"
        "executor = RayExecutor(workers=1)\n"
        "executor.submit(task('rest', seconds=120.0, log=sys.argv[2]))\n"
        "while True: executor.events(1.0)\n"
    )
    here = str(Path(__file__).parent)
    parent = subprocess.Popen(
        [sys.executable, "-c", program, here, str(log)],
        env={**os.environ, "PYTHONPATH": here},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 120
    while not log.exists() or not log.read_text().endswith("\n"):
        assert time.monotonic() < until
        assert parent.poll() is None
        time.sleep(0.1)
    ours = descendants(parent.pid)
    assert int(log.read_text().split()[1]) in ours
    parent.kill()
    parent.wait()
    until = time.monotonic() + 150  # what works ends at once; two agents of Ray wait a minute for their node
    while left := [pid for pid in ours if alive(pid)]:
        assert time.monotonic() < until, left
        time.sleep(0.2)


def descendants(root: int) -> list[int]:
    parents = {int(path.name): parent_of(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    below = {root}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return sorted(below - {root})


def parent_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rsplit(")", maxsplit=1)[1].split()[1])
    except OSError:
        return -1


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", maxsplit=1)[1].split()[0] not in "ZX"
    except OSError:
        return False
