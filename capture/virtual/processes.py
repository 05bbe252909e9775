"""Runs numbered tasks of one renderer, in order, in this process or in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from capture.errors import CaptureError
from capture.virtual.config import SimulationConfig
from capture.virtual.figure import Figure
from capture.virtual.rendering import Renderer, Standing
from capture.worker_process import end_with_parent

_renderer: Renderer | None = None


Runner = Callable[[str, int], Iterator[Any]]
"""Runs a method of the renderer for the numbers 0 … count - 1; the results come in order, few are kept waiting."""


@contextmanager
def runner(
    config: SimulationConfig, figure: Figure | None, standing: Standing, folder: Path, workers: int | None
) -> Iterator[Runner]:
    """A runner over `workers` processes (None: one for each processor). With one worker nothing is spawned.

    Processes are spawned, not forked: Embree and OpenMP do not survive a fork. A script that asks for several
    workers therefore needs the usual `if __name__ == "__main__":`.
    """
    if workers is not None and workers < 1:
        raise CaptureError(f"{workers} workers: at least one is needed; leave the option out for one per processor")
    workers = workers or len(os.sched_getaffinity(0))
    if workers == 1:
        renderer = Renderer(config, figure, standing, folder)

        def run_here(method: str, count: int) -> Iterator[Any]:
            return (getattr(renderer, method)(number) for number in range(count))

        yield run_here
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(config, figure, standing, folder)
    )
    with pool:

        def run_apart(method: str, count: int) -> Iterator[Any]:
            waiting: deque[Future] = deque()
            for number in range(count):
                waiting.append(pool.submit(_run, method, number))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

        try:
            yield run_apart
        except BrokenProcessPool:
            raise CaptureError(
                f"one of {workers} rendering processes ended by itself; is there enough memory? Simulate with one "
                "worker, and from a script only below `if __name__ == '__main__':`"
            ) from None
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _start(config: SimulationConfig, figure: Figure | None, standing: Standing, folder: Path) -> None:
    """Runs once in each new process. The parent alone answers Ctrl-C."""
    global _renderer
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _renderer = Renderer(config, figure, standing, folder)


def _run(method: str, number: int) -> Any:
    assert _renderer is not None
    return getattr(_renderer, method)(number)
