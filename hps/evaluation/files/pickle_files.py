"""Pickles of data sets: read as plain values, written so that old and new numpy open them."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from body.errors import BodyError
from body.pickles import ANNOTATIONS, AllowList, read_pickle_file
from hps.errors import HpsError
from hps.evaluation.files.entries import Entries


def read_entries(path: Path, allowed: AllowList = ANNOTATIONS) -> Entries:
    """A pickled dictionary. Raises HpsError for a pickle of anything else, a damaged one and one that names more."""
    content = read_values(path, allowed)
    if not isinstance(content, dict):
        raise HpsError(f"{path} holds a {type(content).__name__}, a dictionary was expected; check the file")
    return Entries(str(path), {str(key): value for key, value in content.items()})


def read_values(path: Path, allowed: AllowList = ANNOTATIONS) -> Any:
    """The content of a pickle. Raises HpsError for a damaged one and for one that names what is not allowed."""
    try:
        return read_pickle_file(path, allowed)
    except BodyError as error:
        raise HpsError(str(error)) from None


class _OldNames(pickle._Pickler):
    """Writes numpy's functions under the names that numpy 1 has, which numpy 2 knows too."""

    write: Callable[[bytes], int]
    memoize: Callable[[Any], None]

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """A class or a function by its name."""
        module = getattr(obj, "__module__", None) or ""
        if module.startswith("numpy._core"):
            own = name or obj.__qualname__
            self.write(pickle.GLOBAL + f"numpy.core{module.removeprefix('numpy._core')}\n{own}\n".encode())
            self.memoize(obj)
            return
        super().save_global(obj, name)  # type: ignore[misc]


def pickled(content: Any) -> bytes:
    """A pickle of arrays, lists, dictionaries, texts and numbers, of protocol 2."""
    buffer = io.BytesIO()
    _OldNames(buffer, protocol=2).dump(content)
    return buffer.getvalue()


def write_pickle(path: Path, content: Any) -> None:
    """Writes the file whole or not at all. Raises HpsError where it cannot be written."""
    write_whole(path, pickled(content))


def write_whole(path: Path, content: bytes) -> None:
    """Writes the bytes whole or not at all. Raises HpsError where the file cannot be written."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        raise HpsError(f"{path} cannot be written: {error.strerror or error}") from None
