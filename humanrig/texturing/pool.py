"""Paints many instants, in this process or in several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

from capture.worker_pool import WorkerPool, processes_for, worker_pool
from humanrig.errors import HumanrigError
from humanrig.texturing.instant_work import InstantPainter

Work = Literal["sample", "remember", "finish"]
FEW = 12
"""So few paintings are done sooner in one process than others are started: some 4 s."""


@contextmanager
def painter_pool(painter: InstantPainter, paintings: int) -> Iterator[WorkerPool[InstantPainter]]:
    """A pool for so many paintings; `workers` of the painter's options says how many processes."""
    count = processes_for(paintings, painter.config.workers, FEW)
    again = partial(InstantPainter, painter.session, painter.person, painter.config, painter.look, painter.folder)
    with worker_pool(again, count, here=painter, trouble=_trouble) as pool:
        yield pool


def _trouble(count: int) -> HumanrigError:
    return HumanrigError(
        f"one of {count} processes that paint ended by itself; is there enough memory? Run the same "
        "command again, it goes on where it stopped, or with fewer processes: --workers 1"
    )
