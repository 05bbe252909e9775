"""The commands that the pages show: cut out of their blocks, and parsed as the program would without being run."""

from __future__ import annotations

import functools
import inspect
import re
import shlex
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from humanrig import cli
from humanrig.commands.group import group

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One call of the program on a page."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def shell_blocks(page: Path) -> list[str]:
    """What stands in the page's blocks of shell, in order."""
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind == "sh"]


def shown_commands(page: Path) -> list[Shown]:
    """Every call of humanrig in the page's blocks, marked as shell or not. Those in sentences are often not whole."""
    found = []
    for kind, text in BLOCK.findall(page.read_text()):
        if kind in ("", "sh"):
            for line in text.replace("\\\n", " ").splitlines():
                found += [Shown(page=page.name, words=words) for words in _calls(line)]
    return found


def _calls(line: str) -> list[tuple[str, ...]]:
    if " [" in line:  # a synopsis: as if everything in brackets were said, the first of several choices
        line = re.sub(r"\|\S+|[\[\]]|\.\.\.|…", "", re.sub(r"\bN\b", "2", line))
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&;|<>")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # a quotation that ends on another line: no command of ours
        return []
    calls: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set("&;|<>"):
            calls.append([])
        else:
            calls[-1].append(word)
    return [tuple(call[1:]) for call in calls if call[:1] == ["humanrig"] and len(call) > 1]


def not_run(command: Callable) -> Callable:
    """The command with its options and nothing behind them; a group of commands with all of its own so."""
    hint = inspect.unwrap(command).__annotations__.get("command")
    if typing.get_origin(hint) is typing.Annotated:
        union, *_ = typing.get_args(hint)
        parts = [part.__metadata__[0] for part in typing.get_args(union)]
        return group(command.__doc__ or "", {part.name: not_run(part.constructor_factory()) for part in parts})

    @functools.wraps(command)
    def nothing(*_: object, **__: object) -> int:
        return 0

    return nothing


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[str, ...]], int]:
    """Parses words as the program does, runs nothing; the exit code."""
    for name, command in cli.COMMANDS.items():
        monkeypatch.setitem(cli.COMMANDS, name, not_run(command))

    def code(words: tuple[str, ...]) -> int:
        try:
            return cli.main(list(words))
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1

    return code
