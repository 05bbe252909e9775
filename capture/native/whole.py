"""A file or a folder that appears whole, synced to disk, or not at all, and never takes the place of another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from capture.disk_space import is_full
from capture.errors import CaptureError


class CannotWrite(CaptureError, OSError):
    """The disk refused; what was asked for is not to blame."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a hidden path beside `path`, with its ending, and renames that file when the block ends without an error.

    Raises CaptureError when `path` is there already, CannotWrite when the disk is full or the folder cannot be written.
    """
    with _whole(Path(path), lambda partial: partial.unlink(missing_ok=True)) as partial:
        yield partial
        _sync(partial)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """The same for a folder, which is there and empty when the block begins."""
    with _whole(Path(path), lambda partial: shutil.rmtree(partial, ignore_errors=True)) as partial:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        yield partial
        for file in sorted(partial.rglob("*")):
            _sync(file)


@contextmanager
def _whole(path: Path, remove: Callable[[Path], None]) -> Iterator[Path]:
    if path.exists() or path.is_symlink():
        raise CaptureError(f"{path} exists and is not overwritten; choose another place or move it away")
    partial = path.with_name(f".partial{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(partial)
        yield partial
        partial.rename(path)
        _sync(path.parent)
    except CannotWrite:
        raise
    except OSError as error:
        reason = "the disk is full" if is_full(error) else error.strerror or str(error)
        raise CannotWrite(f"{path} cannot be written ({reason}); free some space or choose another folder") from None
    finally:
        remove(partial)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
