"""Numbers of actions and subjects as data sets write them: action 11 is `a000011`, subject 12 is `p000012`."""

from __future__ import annotations

import re

from capture.errors import CaptureError

DIGITS = 6


def action_id(number: int) -> str:
    """`a000011` of 11."""
    return f"a{number:0{DIGITS}d}"


def subject_id(number: int) -> str:
    """`p000012` of 12."""
    return f"p{number:0{DIGITS}d}"


def number_of(word: str | int, letter: str) -> int | None:
    """11 of `11`, `a11` and `a000011` with the letter a; None of another word."""
    found = re.fullmatch(rf"{letter}?(\d{{1,{DIGITS}}})", str(word).strip())
    return int(found[1]) if found else None


def subject_number(word: str | int) -> int:
    """The number of a subject. Raises CaptureError for a name: subjects have numbers and nothing else."""
    number = number_of(word, "p")
    if number is None:
        raise CaptureError(f"'{word}' is no subject's number; give one of up to six digits, such as 12, and no name")
    return number
