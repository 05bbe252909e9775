"""A session in an object store, or in any file system that fsspec knows: worked on in a copy on this node."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from capture.errors import CaptureError
from capture.session import INFO_FILE
from capture.session_info import read_info
from humanrig.batch.finding import DEEPEST
from humanrig.batch.places_lease import StoreLease, held_in_store
from humanrig.batch.places_scratch import Copy, Scratch
from humanrig.batch.places_store import Store
from humanrig.batch.places_transfer import CACHE, bring, fetch_whole, is_sent, publish_cache, publish_stage
from humanrig.manifest import NAME

_in_use: dict[str, Copy] = {}
"""The copies that this process works on: a session, and those that it links to."""


class RemotePlace:
    """A `places.SessionPlace` at an address such as s3://bucket/day/walk."""

    def __init__(self, url: str) -> None:
        """Raises HumanrigError where the address cannot be used."""
        self._store = Store(url)
        self._scratch = Scratch.of_this_node()
        self._copy = self._scratch.copy(self._store.url)
        self._lease: StoreLease | None = None

    @property
    def name(self) -> str:
        """The address."""
        return self._store.url

    def local(self) -> Path:
        """The copy, brought up to date. What this process used before may be removed from now on.

        Raises CaptureError when there is no session, HumanrigError when it cannot be brought.
        """
        for url in set(_in_use) - {self._store.url}:
            _in_use.pop(url).let_go()
        self._bring(self._store, self._copy)
        for link in read_info(self._copy.folder / INFO_FILE).links.values():
            self._bring_linked(link)
        return self._copy.folder

    def linked(self, link: str) -> str:
        """The address."""
        return self._store.at(link)

    @contextmanager
    def held(self, wait_s: float = 0.0) -> Iterator[None]:
        """Holds it in the store, against batches of other machines. Raises HumanrigError when one works on it."""
        with held_in_store(self._store, wait_s) as self._lease:
            try:
                yield
            finally:
                self._lease = None

    def publish(self, folder: str) -> None:
        """Keeps a finished stage, or what was made ahead (`cache`). Raises HumanrigError when that fails, or another
        program has taken the session; the result is then still in the copy, and nothing of it is made again on this
        node."""
        if self._lease is not None:
            self._lease.check()
        with self._copy.bringing():
            if folder != CACHE:
                publish_stage(self._store, self._copy, folder)
            publish_cache(self._store, self._copy)

    def publish_left(self, folders: Sequence[str]) -> None:
        """Keeps those that the store was not told of. Raises HumanrigError."""
        left = [folder for folder in folders if not is_sent(self._copy, folder)]
        if left:
            with self.held():
                for folder in left:
                    self.publish(folder)

    def publish_all(self) -> None:
        """Keeps every finished stage of this session and of those that it links to. Raises HumanrigError."""
        for url, copy in _in_use.items():
            with copy.bringing():
                for stage in sorted(path.parent.name for path in copy.folder.glob(f"*/{NAME}")):
                    publish_stage(Store(url), copy, stage)

    def _bring(self, store: Store, copy: Copy) -> None:
        if not store.has(INFO_FILE):
            raise CaptureError(f"there is no session at {store.url}; is the address right?")
        copy.hold()
        _in_use[store.url] = copy
        with copy.bringing():
            copy.folder.mkdir(parents=True, exist_ok=True)
            bring(store, copy, self._scratch)

    def _bring_linked(self, link: str) -> None:
        """A session that this one links to; a scan of a body beside it. What is not there, its reader tells."""
        store = Store(self._store.at(link))
        if store.has(INFO_FILE):
            self._bring(store, self._scratch.copy(store.url))
        elif store.has(""):
            to = Path(os.path.normpath(self._copy.folder / link))
            if not to.is_relative_to(self._scratch.folder / "copies"):
                raise CaptureError(
                    f"{self.name} links to {link!r}, which leads out of the store; correct its session.toml"
                )
            fetch_whole(store, to)


def sessions_at(url: str) -> list[str]:
    """Addresses of the sessions at an address: itself, or those in the folders below it."""
    store = Store(url)
    if store.has(INFO_FILE):
        return [store.url]
    return _below(store, "", DEEPEST)


def _below(store: Store, folder: str, depth: int) -> list[str]:
    found: list[str] = []
    for name in store.folders(folder):
        child = f"{folder}/{name}".lstrip("/")
        if name.startswith("."):
            continue
        if store.has(f"{child}/{INFO_FILE}"):
            found.append(store.at(child))
        elif depth > 1:
            found += _below(store, child, depth - 1)
    return found
