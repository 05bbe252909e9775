"""Progress of long work with its rate: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from humanrig.terminal import console, say

LINE_EVERY_S: Final = 30.0


class _Rate:
    """Pictures a second since the first report; what was there before does not count."""

    def __init__(self) -> None:
        self.begun, self.first = time.monotonic(), -1

    def words(self, done: int, total: int) -> str:
        if self.first < 0:
            self.first = done
        seconds = time.monotonic() - self.begun
        rate = max(done - self.first, 0) / seconds if seconds > 0 else 0.0
        if not rate:
            return ""
        left = (total - done) / rate
        return f"{rate:.1f}/s, {left / 60:.0f} min left" if left > 90 else f"{rate:.1f}/s, {left:.0f} s left"


@contextmanager
def picture_progress(name: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Call the value with (done, total)."""
    rate = _Rate()
    if not console.is_terminal:
        said = time.monotonic()

        def line(done: int, total: int) -> None:
            nonlocal said
            words = rate.words(done, total)
            if time.monotonic() - said > LINE_EVERY_S:
                said = time.monotonic()
                say(f"{name}: {done} of {total} {unit}{', ' if words else ''}{words}")

        yield line
        return
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(name, total=None, unit=unit, rate="")
        yield lambda done, total: bars.update(
            task, completed=done, total=total, unit=unit, rate=rate.words(done, total)
        )
