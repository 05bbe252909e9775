"""What the terminal shows: progress bars for long work, and one sentence for an expected error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False, emoji=False)
"""Everything meant for people goes to standard error; standard output carries results only."""


@contextmanager
def progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar for one piece of work; call the value with (done, total)."""
    with stage_progress() as update:
        yield lambda done, total: update(description, done, total)


@contextmanager
def stage_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each named piece of work; call the value with (name, done, total)."""
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    tasks = {}
    with Progress(*columns, console=console, transient=True) as bars:

        def update(name: str, done: int, total: int) -> None:
            if name not in tasks:
                for other in tasks.values():
                    bars.update(other, visible=False)
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)

        yield update


def say(text: str) -> None:
    """One line for people."""
    console.print(text, markup=False, soft_wrap=True)


def print_json(data: Mapping[str, Any]) -> None:
    """Figures on standard output, for programs."""
    json.dump(data, sys.stdout, indent=1)
    sys.stdout.write("\n")
