"""Where a session is kept, seen from the process that works on it: a folder here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class SessionPlace(Protocol):
    """A session that tasks work on, wherever it is kept."""

    @property
    def name(self) -> str:
        """As people named it."""
        ...

    def local(self) -> Path:
        """A folder of this machine with everything in it that is kept of the session so far.

        Raises CaptureError or HumanrigError when there is no session.
        """
        ...

    def linked(self, link: str) -> str:
        """The session or scan at a path relative to this session, named as a batch names it."""
        ...

    def held(self, wait_s: float = 0.0) -> AbstractContextManager[object]:
        """Holds the session against programs that do not see the lease in `local()`; waits at most so long for one.

        Raises HumanrigError when another still works on it then.
        """
        ...

    def publish(self, folder: str) -> None:
        """Keeps what a stage made: the folder of that name inside the session, its manifest last. Nothing of a stage
        whose publishing is cut off counts."""
        ...

    def publish_left(self, folders: Sequence[str]) -> None:
        """Keeps those of these finished stages that are in `local()` and could not be kept when they were made."""
        ...

    def publish_all(self) -> None:
        """Keeps every finished stage, of the sessions that this one links to as well."""
        ...


class LocalPlace:
    """A session in a folder that every process sees: what is written is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._folder)

    def local(self) -> Path:
        """The folder itself."""
        return self._folder

    def linked(self, link: str) -> str:
        """The whole path."""
        return str((self._folder / link).resolve())

    def held(self, wait_s: float = 0.0) -> AbstractContextManager[object]:
        """Everybody sees the lease in the folder."""
        return nullcontext()

    def publish(self, folder: str) -> None:
        """It is where it belongs already."""

    def publish_left(self, folders: Sequence[str]) -> None:
        """They are where they belong."""

    def publish_all(self) -> None:
        """All are where they belong."""


def is_address(session: str) -> bool:
    """Whether the word is an address such as s3://bucket/walk, and no path."""
    return "://" in session


def without_password(address: str) -> str:
    """The address as it may be shown: without who asks, and by what password."""
    return re.sub("://[^/]*@", "://…@", address)


def place_of(session: str) -> SessionPlace:
    """The place of a session that was named by a path or an address. Raises HumanrigError for a wrong address."""
    if is_address(session):
        from humanrig.batch.places_remote import RemotePlace

        return RemotePlace(session)
    return LocalPlace(Path(session))
