"""The executor over Ray does what every executor must, on a cluster that it starts for itself."""

from __future__ import annotations

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
