"""Calls the methods of one worker object for many jobs, in this process or in several that each have their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import cv2

from capture.worker_process import end_with_parent

W = TypeVar("W")


def processes_for(jobs: int, wanted: int | None, few: int) -> int:
    """How many processes do so many jobs: as many as wanted (None: one for each processor), never more than jobs.

    Fewer jobs than `few` are done by one where nothing is wanted: sooner than others are started.
    """
    usual = 1 if jobs < few else len(os.sched_getaffinity(0))
    return min(usual if wanted is None else wanted, max(jobs, 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkerPool(Generic[W]):
    """Does jobs, each by one call of a method of a worker."""

    make: Callable[[], W]
    executor: ProcessPoolExecutor | None
    count: int
    trouble: Callable[[int], Exception]

    def each(self, method: str, jobs: Sequence[Any]) -> Iterator[Any]:
        """What the method returns for every job, as each is done, in any order.

        Raises what the method raises, and `trouble(processes)` when a process ends by itself.
        """
        if self.executor is None:
            yield from map(getattr(self.make(), method), jobs)
            return
        try:
            for done in as_completed([self.executor.submit(_call, method, job) for job in jobs]):
                yield done.result()
        except BrokenProcessPool:
            raise self.trouble(self.count) from None


@contextmanager
def worker_pool(
    make: Callable[[], W], count: int, *, here: W | None = None, trouble: Callable[[int], Exception]
) -> Iterator[WorkerPool[W]]:
    """A pool of `count` processes, each with a worker that `make` makes there; one alone is this process.

    `make` is pickled: a class or a function with its arguments (`functools.partial`). `here`: a worker that this
    process has already. Leaving the context ends the processes; jobs that wait are forgotten.
    """
    if count <= 1:
        worker = make() if here is None else here
        yield WorkerPool(make=lambda: worker, executor=None, count=1, trouble=trouble)
        return
    # spawned, not forked: threads of numerical libraries do not survive a fork
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(make,))
    try:
        yield WorkerPool(make=make, executor=executor, count=count, trouble=trouble)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


_worker: Any = None


def _start(make: Callable[[], Any]) -> None:
    """Runs once in each new process. The parent alone answers Ctrl-C."""
    global _worker
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _worker = make()


def _call(method: str, job: Any) -> Any:
    assert _worker is not None
    return getattr(_worker, method)(job)
