"""Runs a batch from what the command says to its summary."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path

from capture.session import INFO_FILE
from humanrig import pipeline
from humanrig.batch.asking import Asked
from humanrig.batch.finding import find_sessions
from humanrig.batch.places import is_address
from humanrig.batch.scheduler import Batch
from humanrig.batch.summary import results, summary
from humanrig.batch.table import shown
from humanrig.errors import HumanrigError
from humanrig.executors.executor import Executor
from humanrig.executors.local import LocalExecutor, default_workers
from humanrig.terminal import print_json, say


def is_batch(words: Sequence[str]) -> bool:
    """Whether the words name anything but one session's folder (or a path that leads nowhere)."""
    if len(words) != 1 or is_address(words[0]):
        return True
    path = Path(words[0])
    return path.is_dir() and not (path / INFO_FILE).is_file() and any(not one.trouble for one in find_sessions(words))


def run_batch(
    words: Sequence[str],
    asked: Asked,
    *,
    executor: str,
    workers: int | None,
    address: str | None,
    gpus_per_task: float,
    index: Path | None,
    json: bool,
) -> int:
    """Reconstructs every session that the words name; returns the exit code: 1 when any of them failed.

    Raises HumanrigError for a request that makes sense for no session, and for an executor that cannot be had.
    """
    pipeline.check(asked.request)
    if not (0 <= gpus_per_task < inf and (gpus_per_task <= 1 or gpus_per_task == int(gpus_per_task))):
        raise HumanrigError(f"--gpus-per-task {gpus_per_task:g}: expected a share of a GPU such as 0.25, or whole ones")
    found = find_sessions(words)
    if index is not None and (far := [one.name for one in found if is_address(one.session)]):
        raise HumanrigError(f"--index: {far[0]} is in a store, the page shows sessions in folders; leave --index out")
    with _executor(executor, workers, address) as crew, shown() as watch:
        batch = Batch(crew, found, asked, watch, gpus_per_task)
        batch.run()
    for line in summary(batch):
        say(line)
    for remark in getattr(crew, "remarks", ()):  # of a cluster: nodes that were not used
        say(f"warning: {remark}")
    if json:
        print_json(results(batch))
    if index is not None:
        from humanrig.report.batch_index import write_index

        say(f"{write_index(words, index, until=asked.until)[0]}")
    return 1 if any(work.state == "failed" for work in batch.works) else 0


def _executor(name: str, workers: int | None, address: str | None) -> Executor:
    if name == "ray":
        from humanrig.executors.ray_cluster import RayExecutor

        return RayExecutor(address, workers)
    if address is not None:
        raise HumanrigError(f"--address {address}: only a Ray cluster has one; add --executor ray")
    return LocalExecutor(default_workers() if workers is None else workers)
