"""The folder of an export: it appears whole, says what made it, and never replaces anything else."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from capture.errors import CaptureError
from humanrig.errors import DiskError, HumanrigError

SOURCE = "source.txt"
"""States what made the folder, frames and units; its first line identifies the export, its last may say the state."""
_STATE = "state "


@dataclass(frozen=True, kw_only=True)
class Making:
    """A folder that is being written."""

    folder: Path
    """Temporary, beside the final one."""
    lines: list[str] = field(default_factory=list)

    def about(self, lines: Iterable[str]) -> None:
        """Adds lines to source.txt."""
        self.lines.extend(lines)


@contextmanager
def made_folder(folder: Path, identity: str, state: str = "") -> Iterator[Making]:
    """Gives a temporary folder and puts it in place of `folder` when the block ends without an error.

    `state` is a word for what it was made from, for `is_current`. Raises HumanrigError when the folder exists with
    other content than an export of the same identity.
    """
    _check_replaceable(folder, identity)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear_left_over(folder)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    except OSError as error:
        raise DiskError(f"cannot write into {folder.parent} ({error.strerror}); choose another folder") from None
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, partial, ignore_errors=True)
        ending.enter_context(_locked(partial))
        partial.chmod(0o755)  # mkdtemp makes folders that only their owner may read
        making = Making(folder=partial)
        try:
            yield making
        except CaptureError as error:  # a writer knows only the place that it was given
            if str(partial) not in str(error):
                raise
            raise type(error)(str(error).replace(str(partial), str(folder))) from None
        last = [_state_line(partial, state)] if state else []
        (partial / SOURCE).write_text("\n".join([identity, *making.lines, *last]) + "\n", "utf-8")
        _check_replaceable(folder, identity)
        _replace(partial, folder)


def _clear_left_over(folder: Path) -> None:
    """Deletes what exports that were killed left beside the folder; one that still runs holds its lock."""
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.partial"):
        with _locked(left) as free:
            if free:
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Holds the lock of a folder; False where another holds it, or the disk has no locks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def is_current(folder: Path, identity: str, state: str) -> bool:
    """Whether the folder holds this export, made from this state, with as many bytes as were written."""
    source = folder / SOURCE
    if not source.is_file():
        return False
    lines = source.read_text("utf-8", errors="replace").splitlines()
    return len(lines) > 1 and lines[0] == identity and lines[-1] == _state_line(folder, state)


def _state_line(folder: Path, state: str) -> str:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file() and path != folder / SOURCE]
    return f"{_STATE}{state}: {len(sizes)} files, {sum(sizes)} bytes"


def _check_replaceable(folder: Path, identity: str) -> None:
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise HumanrigError(f"{folder} is not a folder; choose another place with --to")
    if any(folder.iterdir()):
        source = folder / SOURCE
        first = source.read_text("utf-8", errors="replace").splitlines()[:1] if source.is_file() else []
        if first != [identity]:
            raise HumanrigError(
                f"{folder} was not made by this export, so it is not replaced; choose another folder with --to, or "
                "move it away"
            )


def _replace(partial: Path, folder: Path) -> None:
    """The old folder is deleted only after the new one is in its place."""
    if not folder.exists():
        partial.rename(folder)
        return
    old = partial.with_name(partial.name + ".old")
    folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
