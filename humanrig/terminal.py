"""What the terminal shows: progress bars for long work, and one sentence for an expected error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

MOST_CHARACTERS = 4000
"""Of one message: a name of a file may be as long as the file."""
_STEERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of what follows (Unicode, UAX 9)."""


def _steers(character: str) -> bool:
    number = ord(character)
    control = (number < 32 and character not in "\n\t") or 127 <= number < 160
    return control or character in _STEERING or 0xD800 <= number < 0xE000


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
    console.print(plain(text), markup=False, soft_wrap=True)


def plain(text: str) -> str:
    """Text that may come from a file of others: what would steer a terminal, or turn the line round, is shown instead.

    A very long one is cut.
    """
    shown = "".join(f"\\x{ord(c):02x}" if _steers(c) else c for c in text[:MOST_CHARACTERS])
    return shown if len(text) <= MOST_CHARACTERS else f"{shown}… ({len(text)} characters)"


class PlainOutput:
    """Standard output on which no text of a file steers the terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes the text, as `plain` shows it, without a limit to its length."""
        self._stream.write("".join(f"\\x{ord(c):02x}" if _steers(c) else c for c in text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """All else is the stream's own."""
        return getattr(self._stream, name)


def print_json(data: Mapping[str, Any]) -> None:
    """Figures on standard output, for programs."""
    json.dump(data, sys.stdout, indent=1)
    sys.stdout.write("\n")
