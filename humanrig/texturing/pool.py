"""Paints many instants, in this process or in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import cv2

from capture.session import Session
from capture.worker_process import end_with_parent
from humanrig.errors import HumanrigError
from humanrig.texturing.instant_work import InstantPainter, Painted

Work = Literal["sample", "remember", "finish"]
FEW = 12
"""So few paintings are done sooner in one process than others are started: some 4 s."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PainterPool:
    """Does the work of an `InstantPainter`, in its own process or over several."""

    painter: InstantPainter
    executor: ProcessPoolExecutor | None
    count: int

    def each(self, work: Work, instants: Sequence[int]) -> Iterator[Painted]:
        """Every instant as it is done, in any order. Raises HumanrigError when a process ends by itself."""
        if self.executor is None:
            yield from map(getattr(self.painter, work), instants)
            return
        try:
            waiting = [self.executor.submit(_work, work, instant) for instant in instants]
            for done in as_completed(waiting):
                yield done.result()
        except BrokenProcessPool:
            raise HumanrigError(
                f"one of {self.count} processes that paint ended by itself; is there enough memory? Run the same "
                "command again, it goes on where it stopped, or with fewer processes: --workers 1"
            ) from None


@contextmanager
def painter_pool(painter: InstantPainter, paintings: int) -> Iterator[PainterPool]:
    """A pool for so many paintings; `workers` of the painter's options says how many processes."""
    wanted = painter.config.workers
    few = 1 if paintings < FEW else len(os.sched_getaffinity(0))
    count = min(few if wanted is None else wanted, max(paintings, 1))
    if count == 1:
        yield PainterPool(painter=painter, executor=None, count=1)
        return
    # spawned, not forked: threads of numerical libraries do not survive a fork
    context = multiprocessing.get_context("spawn")
    start = (painter.session.folder, painter.person, painter.config, painter.look, painter.folder)
    executor = ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=start)
    try:
        yield PainterPool(painter=painter, executor=executor, count=count)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


_painter: InstantPainter | None = None


def _start(session, person, config, look, folder) -> None:
    """Runs once in each new process. The parent alone answers Ctrl-C."""
    global _painter
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _painter = InstantPainter(Session.open(session), person, config, look, folder)


def _work(work: Work, instant: int) -> Painted:
    assert _painter is not None
    return getattr(_painter, work)(instant)
