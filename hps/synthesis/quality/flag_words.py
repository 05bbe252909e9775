"""The words of the flags: `near_static: 0.8 cm in 0.3 s` is the flag near_static with its figure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hps.errors import HpsError

ACTOR_FLAGS: Final[dict[str, str]] = {
    "near_static": "no joint moves faster than a person who stands and breathes",
    "interpenetration": "the skin goes into another person or a thing",
    "self_penetration": "arms or legs go into the body or each other",
    "off_floor": "the body hangs above the floor all the time, or goes through it",
}
"""Of a person in a scene, the same in all its pictures."""
PICTURE_FLAGS: Final[dict[str, str]] = {
    "out_of_view": "nothing of the body is in the picture",
    "truncated": "much of the body is beyond the picture's edge",
    "occluded": "much of what is in the picture has something in front",
    "small": "the body is small in the picture",
}
"""Of a person in one picture."""


def flag(name: str, figure: str) -> str:
    """The flag's text."""
    assert name in ACTOR_FLAGS or name in PICTURE_FLAGS, name
    return f"{name}: {figure}"


def flag_name(text: str) -> str:
    """The name alone."""
    return text.partition(":")[0]


def has_none_of(flags: Iterable[str], unwanted: Iterable[str]) -> bool:
    """Whether a row with these flags is to be kept by a reader who does not want some names.

    Raises HpsError for a name that no flag has.
    """
    names = set(unwanted)
    if unknown := sorted(names - {*ACTOR_FLAGS, *PICTURE_FLAGS}):
        raise HpsError(f"there is no flag '{unknown[0]}'; the flags are {', '.join((*ACTOR_FLAGS, *PICTURE_FLAGS))}")
    return not any(flag_name(text) in names for text in flags)
