"""The live table of a batch; on anything but a terminal, a line whenever something ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, kw_only=True)
class _Column:
    head: str
    ratio: int | None = None
    justify: Literal["left", "right"] = "left"
    least_width: int = 0
    """Of the terminal: on a narrower one the column is left out."""


COLUMNS = (
    _Column(head="session", ratio=3),
    _Column(head="stage"),
    _Column(head="done", justify="right", least_width=60),
    _Column(head="speed", justify="right", least_width=80),
    _Column(head="time left", justify="right"),
    _Column(head="", ratio=4, least_width=100),
)


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
            width = self._live.console.size.width
            self._live.update(Group(table(batch, room, width), Text(totals(batch))), refresh=True)


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


def table(batch: Batch, rows: int, width: int) -> Table:
    """At most so many sessions: those at work, then what failed, then what comes next. On a narrow terminal fewer
    columns."""
    drawn = Table(box=None, pad_edge=False, expand=True)
    shown = [column for column in COLUMNS if width >= column.least_width]
    for column in shown:
        drawn.add_column(column.head, ratio=column.ratio, justify=column.justify, no_wrap=True, overflow="ellipsis")
    for work in sorted(batch.works, key=_place)[:rows]:
        cells = _cells(work)
        drawn.add_row(*(Text(cells[column.head]) for column in shown))
    if len(batch.works) > rows:
        drawn.add_row(Text(f"and {len(batch.works) - rows} more"))
    return drawn


def _place(work: Work) -> tuple[int, int]:
    return (["running", "failed", "waiting", "done", "left out"].index(work.state), work.number)


def _cells(work: Work) -> dict[str, str]:
    cells = dict.fromkeys((column.head for column in COLUMNS), "") | {"session": plain(work.found.name)}
    if work.state != "running":
        return cells | {"stage": work.state, "": plain(_why(work).removeprefix(": "))}
    done, total = work.progress
    speed, left = speed_of(work), step_left_s(work)
    stages = [step.done for step in work.stages]
    return cells | {
        "stage": work.running or ("ahead" if work.ahead else "waits"),
        "done": f"{sum(stages)}/{len(stages)}" + (f" + {100 * done / total:.0f} %" if total else ""),
        "speed": f"{speed:.1f} instants/s" if speed is not None else "",
        "time left": duration(left) if left is not None else "",
        "": f"{len(work.ahead)} processes work ahead" if work.ahead else "",
    }


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
