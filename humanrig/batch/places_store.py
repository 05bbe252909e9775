"""A folder of an object store, or of any file system that fsspec knows, as files by their relative paths."""

from __future__ import annotations

import posixpath
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

from humanrig.batch.places import without_password
from humanrig.errors import HumanrigError

PUT_WHOLE: Final = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "memory")
"""Stores where an object is there whole or not at all. Elsewhere a file gets its name when it is whole."""
PARTIAL: Final = ".partial-"
TRIES: Final = 3
"""A network fails now and then; the second try comes after one second, the third after four."""
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file of the store."""

    size: int
    tag: str
    """Changes when the content does: the store's own hash, else its time."""


class Store:
    """One folder of a store. Every failure is a HumanrigError that names the address and what was tried."""

    def __init__(self, url: str) -> None:
        """url: such as s3://bucket/day. Who we are comes from fsspec's own configuration.

        Raises HumanrigError for a protocol that is unknown or whose package is missing, and for an address that holds
        a password: command lines are seen by everybody on a machine.
        """
        if re.match(r"[^/]+://[^/]*:[^/]*@", url):
            raise HumanrigError(
                f"{without_password(url)}: leave the password out of the address; put it into fsspec's "
                "configuration (~/.config/fsspec/conf.json) or the variables of the store's own tools"
            )
        try:
            import fsspec.core
        except ImportError as error:
            raise HumanrigError(f"{url}: needs fsspec ({error}); run: pip install 'humanrig[cluster]'") from None
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise HumanrigError(f"{url}: {error}") from None
        except Exception as error:  # of the store's own package: configuration that is wrong
            raise HumanrigError(f"{url}: the store cannot be used ({_words(error)})") from None
        self.root = posixpath.normpath(root).rstrip("/")
        self.url = self._fs.unstrip_protocol(self.root)
        protocols = (self._fs.protocol,) if isinstance(self._fs.protocol, str) else tuple(self._fs.protocol)
        self._whole = any(protocol in PUT_WHOLE for protocol in protocols)

    def at(self, relative: str) -> str:
        """The address of a path relative to this folder; `..` leads out of it."""
        return self._fs.unstrip_protocol(posixpath.normpath(posixpath.join(self.root, relative)))

    def files(self, below: str = "") -> dict[str, Kept]:
        """Everything below the folder, or below one in it, by relative path; empty where there is no such folder."""

        def find() -> dict[str, Kept]:
            self._fs.invalidate_cache()
            try:
                listed = self._fs.find(self._path(below), detail=True)
            except FileNotFoundError:
                return {}
            return {self._relative(path): _kept(info) for path, info in listed.items() if path != self.root}

        return {name: kept for name, kept in self._try("listed", below, find).items() if PARTIAL not in name}

    def folders(self, relative: str = "") -> list[str]:
        """Names of the folders in a folder; empty where there is none."""

        def ls() -> list[str]:
            self._fs.invalidate_cache()
            try:
                entries = self._fs.ls(self._path(relative), detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
            return sorted(PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory")

        return self._try("listed", relative, ls)

    def has(self, relative: str) -> bool:
        """Whether there is such a file."""
        return self._try("looked up", relative, lambda: bool(self._fs.isfile(self._path(relative))))

    def read(self, relative: str) -> bytes | None:
        """The content of a small file; None where there is none, as when another node just replaces it."""

        def cat() -> bytes | None:
            try:
                return self._fs.cat_file(self._path(relative))
            except FileNotFoundError:
                return None

        return self._try("read", relative, cat)

    def get(self, relative: str, to: Path) -> bool:
        """Brings a file here; False where there is none any more."""
        to.parent.mkdir(parents=True, exist_ok=True)

        def fetch() -> bool:
            try:
                self._fs.get_file(self._path(relative), str(to))
            except FileNotFoundError:
                return False
            return True

        return self._try("read", relative, fetch)

    def put(self, path: Path, relative: str) -> None:
        """Keeps a file; whoever lists the store sees all of it or nothing."""
        self._keep(relative, lambda to: self._fs.put_file(str(path), to))

    def write(self, relative: str, data: bytes) -> None:
        """Keeps a few bytes as a file, as `put` does."""
        self._keep(relative, lambda to: self._fs.pipe_file(to, data))

    def _keep(self, relative: str, write: Callable[[str], None]) -> None:
        final = self._path(relative)
        part = final if self._whole else f"{final}{PARTIAL}{uuid.uuid4().hex}"

        def send() -> None:
            if not self._whole:
                self._fs.makedirs(posixpath.dirname(part), exist_ok=True)
            write(part)
            if part != final:
                self._fs.mv(part, final)

        self._try("written", relative, send)

    def remove(self, relatives: Iterable[str]) -> None:
        """Removes files; those that are gone already are as wished."""
        for relative in relatives:

            def drop(path: str = self._path(relative)) -> None:
                if self._fs.exists(path):
                    self._fs.rm_file(path)

            self._try("removed", relative, drop)

    def _path(self, relative: str) -> str:
        return f"{self.root}/{relative}" if relative else self.root

    def _relative(self, path: str) -> str:
        relative = path[len(self.root) :].lstrip("/")
        return inside(relative, self.url)

    def _try(self, tried: str, relative: str, do: Callable[[], Value]) -> Value:
        for attempt in range(TRIES):
            try:
                return do()
            except (HumanrigError, KeyboardInterrupt):
                raise
            except Exception as error:  # each store's package has errors of its own
                final = isinstance(error, FileNotFoundError | PermissionError) or attempt == TRIES - 1
                if final:
                    where = f"{self.url}/{relative}".rstrip("/")
                    raise HumanrigError(
                        f"{where} cannot be {tried} ({_words(error)}); what is finished is kept, run the same command "
                        "again when the store can be reached"
                    ) from None
                time.sleep(4**attempt)
        raise AssertionError


def inside(relative: str, where: str) -> str:
    """The path itself. Raises HumanrigError for one that would lead out of its folder."""
    parts = PurePosixPath(relative).parts
    if not parts or ".." in parts or parts[0] == "/" or "\\" in relative or "\0" in relative:
        raise HumanrigError(f"{where} names the file {relative!r}, which is not inside it; nothing of it is used")
    return relative


def _kept(info: dict[str, Any]) -> Kept:
    names = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "last_modified", "created")
    return Kept(size=int(info.get("size") or 0), tag=str(next((info[name] for name in names if info.get(name)), "")))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
