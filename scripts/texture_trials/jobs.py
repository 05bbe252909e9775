"""Takes measured at the same time, each in a process of its own; what is of one take runs one after another."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from texture_trials.kept import Measured

Task = Callable[[], Measured]
"""Picklable: a `functools.partial`."""


def run_all(takes: Sequence[Sequence[Task]], jobs: int) -> list[Measured]:
    """Runs the tasks of all takes, in their order; says what is done. With one job, in this process."""
    begin = time.perf_counter()
    if jobs == 1:
        return [one for tasks in takes for one in _run(tasks, begin)]
    found: dict[int, list[Measured]] = {}
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(_run, tasks, None): n for n, tasks in enumerate(takes)}
        for done in as_completed(running):
            found[running[done]] = done.result()
            for one in done.result():
                _tell(one, begin)
    return [one for n in range(len(takes)) for one in found[n]]


def _run(tasks: Sequence[Task], begin: float | None) -> list[Measured]:
    found = []
    for task in tasks:
        found.append(task())
        if begin is not None:
            _tell(found[-1], begin)
    return found


def _tell(one: Measured, begin: float) -> None:
    said = f"{time.perf_counter() - begin:6.0f} s  {one.kind} {one.case} {one.variant}: {one.error or 'done'}"
    print(said, file=sys.stderr, flush=True)
