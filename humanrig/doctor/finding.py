"""What was found out about one part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "off", "look", "broken"]
"""ok: it works. off: a part that is not needed is not there. look: it works, but not as well as it should.
broken: something does not work that every reconstruction needs."""
STATES: tuple[State, ...] = ("ok", "off", "look", "broken")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of the doctor."""

    name: str
    state: State
    text: str
    """What there is, with version or figure."""
    fix: str = ""
    """What to do; empty only where nothing needs to be done."""


def ok(name: str, text: str) -> Finding:
    """It works."""
    return Finding(name=name, state="ok", text=text)


def off(name: str, text: str, fix: str) -> Finding:
    """It is not there, and is not needed."""
    return Finding(name=name, state="off", text=text, fix=fix)


def look(name: str, text: str, fix: str) -> Finding:
    """It should be better."""
    return Finding(name=name, state="look", text=text, fix=fix)


def broken(name: str, text: str, fix: str) -> Finding:
    """Nothing works without it."""
    return Finding(name=name, state="broken", text=text, fix=fix)
