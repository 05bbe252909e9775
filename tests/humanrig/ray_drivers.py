"""Programs that use a Ray cluster, each run in a process of its own by `two_ray_nodes.RayNodes.drive`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from executor_conformance import ends_of, events_of, task
from two_ray_nodes import kill_node, session_of

from humanrig.errors import HumanrigError
from humanrig.executors.executor import Ended, Started
from humanrig.executors.ray_cluster import RayExecutor

LONGEST_S = 120.0


def lose_a_node(address: str, node: int, folder: str) -> dict[str, Any]:
    """Works on both nodes, then the one whose first process is `node` is killed while it has a task."""
    with RayExecutor(address) as executor:
        before = executor.slots
        for mine, other in (("one", "two"), ("two", "one")):
            meet = task("meet", mine, folder=folder, mine=mine, other=other)
            executor.submit(replace(meet, machine=socket.gethostname()))  # one node is full: the other is taken
        met = [end.value for end in ends_of(executor, 2).values()]
        for name in ("left", "right"):
            executor.submit(task("rest", name, seconds=12.0))
        on_node = _where(executor, node)
        kill_node(node)
        begin = time.monotonic()
        first = next(event for event in events_of(executor, 1) if isinstance(event, Ended))
        heard_s = time.monotonic() - begin
        executor.submit(task("rest", first.task.name, seconds=0.1))  # given again
        ends = ends_of(executor, 2)
        while executor.slots > 1 and time.monotonic() - begin < LONGEST_S:
            time.sleep(0.5)
        return {
            "before": before,
            "met": met,
            "on_node": on_node,
            "lost": first.task.name,
            "died": first.died,
            "heard_s": heard_s,
            "fine": sorted(name for name, end in ends.items() if end.fine),
            "after": executor.slots,
        }


def _where(executor: RayExecutor, node: int) -> list[str]:
    """Names of the two tasks that run on the node, once both run."""
    workers: dict[str, str] = {}
    until = time.monotonic() + LONGEST_S
    while len(workers) < 2:
        assert time.monotonic() < until, workers
        for event in executor.events(0.5):
            if isinstance(event, Started):
                workers[event.task.name] = event.worker
    return [name for name, worker in workers.items() if session_of(int(worker.split("/")[1])) == node]


def refused(address: str) -> str:
    """The sentence with which the executor refuses the cluster."""
    try:
        with RayExecutor(address):
            return ""
    except HumanrigError as error:
        return str(error)


def join_late(address: str, command: Sequence[str], variables: dict[str, str], log: str) -> dict[str, Any]:
    """A node with other code joins while the executor runs; then tasks are given that need more than one node."""
    with RayExecutor(address) as executor:
        with Path(log).open("wb") as out:
            node = subprocess.Popen(
                command, env={**os.environ, **variables}, stdout=out, stderr=out, start_new_session=True
            )
        try:
            until = time.monotonic() + LONGEST_S
            while executor.slots < 2:
                assert time.monotonic() < until
                time.sleep(0.5)
            for number in range(6):
                executor.submit(task("rest", f"task{number}", seconds=0.5))
            ends = ends_of(executor, 6)
            return {
                "fine": sum(end.fine for end in ends.values()),
                "nodes": sorted({session_of(int(end.worker.split("/")[1])) == node.pid for end in ends.values()}),
                "remarks": list(executor.remarks),
            }
        finally:
            kill_node(node.pid)
            node.wait()


def wait_in_vain(address: str, node: int) -> str:
    """The sentence about a task that only the node could do, which is lost."""
    from humanrig.executors.executor import Task

    with RayExecutor(address, patience_s=3.0) as executor:
        large = Task(name="large", call="executor_tasks:rest", arguments={"seconds": 60.0}, gpus=1)
        executor.submit(large)
        until = time.monotonic() + LONGEST_S
        while not any(isinstance(event, Started) for event in executor.events(0.5)):
            assert time.monotonic() < until
        kill_node(node)
        assert ends_of(executor, 1)["large"].died
        executor.submit(large)
        return ends_of(executor, 1)["large"].error


def batch(address: str | None, folder: str, node: int | None) -> dict[str, Any]:
    """Reconstructs the sessions of a folder up to `calibrate`; `node` is lost as soon as it works on a stage."""
    from humanrig import manifest
    from humanrig.batch.asking import Asked
    from humanrig.batch.finding import find_sessions
    from humanrig.batch.scheduler import Batch
    from humanrig.executors.local import LocalExecutor

    lost: list[str] = []

    def watch(batch: Batch) -> None:
        for work in batch.works:
            pid = int(work.worker.split("/")[1]) if work.worker and work.since else -1
            if node is not None and not lost and work.running and pid > 0 and session_of(pid) == node:
                lost.append(work.found.name)
                kill_node(node)

    executor = LocalExecutor(1) if address is None else RayExecutor(address)
    with executor as crew:
        done = Batch(crew, find_sessions([folder]), Asked(until="calibrate"), watch)
        done.run()
    outputs = {
        f"{Path(work.found.name).name}/{stage}": made.outputs
        for work in done.works
        for stage in ("sync", "calibration")
        if (made := manifest.read(Path(work.found.session) / stage)) is not None
    }
    return {
        "states": [work.state for work in done.works],
        "errors": [work.error for work in done.works if work.error],
        "deaths": done.deaths,
        "lost": lost,
        "outputs": json.loads(json.dumps(outputs)),
    }
