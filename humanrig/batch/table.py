"""The live table of a batch; on anything but a terminal, a line whenever something ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from humanrig.batch.lines import duration, plain, speed_of, step_left_s, totals
from humanrig.batch.scheduler import Batch, Watch
from humanrig.batch.work import Step, Work
from humanrig.costs.size import WHOLE
from humanrig.terminal import console, say

REDRAW_S = 0.5
TOTALS_S = 60.0
"""So often the lines say how all of it stands."""
MARGIN = 6
"""Lines of the terminal that the table leaves for its head, the totals and the prompt."""


@contextmanager
def shown(to: Console = console) -> Iterator[Watch]:
    """What a `Batch` is to call: a table that is redrawn in place where `to` is a terminal, else lines."""
    if not to.is_terminal:
        yield _Lines()
        return
    with Live(console=to, auto_refresh=False, transient=True) as live:
        yield _Drawn(live)


class _Drawn:
    """Draws the table again, not too often."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._drawn = 0.0

    def __call__(self, batch: Batch) -> None:
        now = time.monotonic()
        if now - self._drawn >= REDRAW_S:
            self._drawn = now
            room = max(self._live.console.size.height - MARGIN, 1)
            self._live.update(Group(table(batch, room), Text(totals(batch))), refresh=True)


class _Lines:
    """Says what ended since it was last asked."""

    def __init__(self) -> None:
        self._said: set[tuple[int, str]] = set()
        self._deaths = 0
        self._totals = time.monotonic()

    def __call__(self, batch: Batch) -> None:
        for text in batch.deaths[self._deaths :]:
            say(f"a process died: {plain(text)}; its task is given again")
        self._deaths = len(batch.deaths)
        for work in batch.works:
            for step in work.stages:
                if step.done and (work.number, step.name) not in self._said:
                    self._said.add((work.number, step.name))
                    say(f"{plain(work.found.name)}: {step.name} {_end_of(step, work)}")
            if work.ended and (work.number, "") not in self._said:
                self._said.add((work.number, ""))
                say(f"{plain(work.found.name)}: {work.state}{_why(work)}")
        if time.monotonic() - self._totals >= TOTALS_S:
            self._totals = time.monotonic()
            say(totals(batch))


def table(batch: Batch, rows: int) -> Table:
    """At most so many sessions: those at work, then what ended last, then what comes next."""
    drawn = Table(box=None, pad_edge=False, expand=True)
    drawn.add_column("session", ratio=3, min_width=14, no_wrap=True, overflow="ellipsis")
    drawn.add_column("stage", no_wrap=True)
    for head in ("done", "speed", "time left"):
        drawn.add_column(head, justify="right", no_wrap=True)
    drawn.add_column("", ratio=4, no_wrap=True, overflow="ellipsis")
    works = sorted(batch.works, key=_place)
    for work in works[:rows]:
        drawn.add_row(*(Text(cell) for cell in _cells(work)))
    if len(works) > rows:
        drawn.add_row(Text(f"and {len(works) - rows} more"))
    return drawn


def _place(work: Work) -> tuple[int, int]:
    return (["running", "failed", "waiting", "done", "left out"].index(work.state), work.number)


def _cells(work: Work) -> tuple[str, str, str, str, str, str]:
    name = plain(work.found.name)
    if work.state != "running":
        return (name, work.state, "", "", "", plain(_why(work).removeprefix(": ")))
    done, total = work.progress
    speed, left = speed_of(work), step_left_s(work)
    stages = [step.done for step in work.stages]
    return (
        name,
        work.running or ("ahead" if work.ahead else "waits"),
        f"{sum(stages)}/{len(stages)}" + (f" + {100 * done / total:.0f} %" if total else ""),
        f"{speed:.1f} instants/s" if speed is not None else "",
        duration(left) if left is not None else "",
        f"{len(work.ahead)} processes work ahead" if work.ahead else "",
    )


def _end_of(step: Step, work: Work) -> str:
    if step.skipped:
        return "unchanged, skipped"
    speed = (
        f", {work.instants / step.took_s:.1f} instants/s"
        if work.instants and step.took_s and step.name not in WHOLE
        else ""
    )
    return f"{step.took_s:.1f} s{speed}"


def _why(work: Work) -> str:
    if work.state == "failed":
        return f" at {work.error_step}: {plain(work.error)}" if work.error_step else f": {plain(work.error)}"
    if work.state == "left out":
        return f": {plain(work.found.left_out)}"
    return f": {plain(work.verdict['line'])}" if work.verdict else ""
