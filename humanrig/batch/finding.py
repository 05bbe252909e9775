"""Which sessions a command names: sessions, folders of sessions, each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.errors import CaptureError
from capture.session import INFO_FILE
from capture.session_info import read_info
from humanrig.batch.places import is_address, without_password
from humanrig.errors import HumanrigError
from humanrig.rig.take_folders import LINKS

DEEPEST = 3
"""Folders of sessions are looked for so far below a named one: a day, or a study of days."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A session of a batch."""

    name: str
    """As it is shown: the path as it was given or found."""
    session: str
    """The whole path, or the address."""
    trouble: str = ""
    """Why nothing can be done with it."""
    left_out: str = ""
    """Why nothing is to be done with it, though it is whole."""


def find_sessions(words: Sequence[str]) -> list[Found]:
    """The sessions that words name, in order; one that is named twice counts once. A word that names none is a row
    with its trouble. Takes of the empty room and of the board are left out where a folder of sessions is named."""
    found: dict[str, Found] = {}
    for word in words:
        for one in _of(word):
            former = found.get(one.session)
            if former is None or (former.left_out and not one.left_out):  # it is named, and lies in a folder that is
                found[one.session] = one
    return list(found.values())


def _of(word: str) -> Iterator[Found]:
    if is_address(word):
        yield from _at(word)
        return
    path = Path(word)
    whole = str(path.resolve())
    if (path / INFO_FILE).is_file():
        yield Found(name=word, session=whole)
        return
    inside = list(_inside(path, DEEPEST)) if path.is_dir() else []
    if not inside:
        trouble = (
            f"there is no session in {word}; make one with humanrig import or humanrig capture"
            if path.is_dir()
            else f"there is no session at {word}; is the path right?"
        )
        yield Found(name=word, session=whole, trouble=trouble)
    for folder in inside:
        yield Found(name=str(folder), session=str(folder.resolve()), left_out=_why_left_out(folder))


def _at(word: str) -> Iterator[Found]:
    """The sessions at an address. They are not looked into: a take of the board there is told when it is brought."""
    from humanrig.batch.places_remote import sessions_at

    try:
        found = sessions_at(word)
    except HumanrigError as error:
        yield Found(name=without_password(word), session=word, trouble=str(error))
        return
    if not found:
        yield Found(name=word, session=word, trouble=f"there is no session at {word}; is the address right?")
    for address in found:
        yield Found(name=address, session=address)


def _inside(folder: Path, depth: int) -> Iterator[Path]:
    for child in _folders(folder):
        if (child / INFO_FILE).is_file():
            yield child
        elif depth > 1:
            yield from _inside(child, depth - 1)


def _folders(folder: Path) -> Iterable[Path]:
    try:
        return sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    except PermissionError:
        return ()


def _why_left_out(folder: Path) -> str:
    try:
        action = read_info(folder / INFO_FILE).action
    except (CaptureError, OSError):
        return ""  # the trouble of a session that cannot be read is told when it is opened
    if action not in LINKS:
        return ""
    return f"a take of the {'empty room' if action == 'background' else action}: nobody to reconstruct"
