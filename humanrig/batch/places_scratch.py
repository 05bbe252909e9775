"""The node's own copies of sessions that are kept in a store, within a bound of bytes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from humanrig.errors import HumanrigError

FOLDER: Final = "HUMANRIG_SCRATCH"
BOUND: Final = "HUMANRIG_SCRATCH_GB"
LEFT_FREE: Final = 0.1
"""Of the disk, where no bound is set."""
WAIT_S: Final = 600.0
"""So long a session waits for others of this node to end, when there is no room beside them."""


def scratch_folder() -> Path:
    """$HUMANRIG_SCRATCH, else a folder of this user among the temporary ones."""
    named = os.environ.get(FOLDER)
    return Path(named) if named else Path(tempfile.gettempdir()) / f"humanrig-scratch-{os.getuid()}"


def scratch_bound(folder: Path) -> int:
    """Bytes that all copies may take. Raises HumanrigError for a setting that is no number."""
    text = os.environ.get(BOUND)
    if text is None:
        disk = shutil.disk_usage(folder)
        return max(int(disk.free - LEFT_FREE * disk.total) + _size(folder), 0)
    try:
        bound = int(float(text) * 1e9)
    except (ValueError, OverflowError):
        bound = 0
    if bound <= 0:
        raise HumanrigError(f"{BOUND}={text}: expected a number of gigabytes, such as 200")
    return bound


@dataclass(eq=False)
class Copy:
    """One session's copy on this node."""

    folder: Path
    """Where the session is."""
    record: Path
    """What is known of it: its address and what was brought."""
    _held: IO[str] | None = None

    def hold(self) -> None:
        """From now on, until `let_go` or the end of this process, it is not removed for lack of room."""
        if self._held is None:
            file = self.record.with_suffix(".held").open("a")
            fcntl.flock(file, fcntl.LOCK_SH)
            self._held = file
            os.utime(self.record.with_suffix(".held"))

    def let_go(self) -> None:
        """It may be removed."""
        if self._held is not None:
            self._held.close()
            self._held = None

    @contextmanager
    def bringing(self) -> Iterator[None]:
        """Only one process of the node brings files of it at a time."""
        with self.record.with_suffix(".bringing").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def known(self) -> dict[str, Any]:
        """What the record says; empty before anything was brought, or where the record is damaged."""
        try:
            found = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def note(self, **values: Any) -> None:
        """Adds to the record, atomically."""
        part = self.record.with_suffix(f".{os.getpid()}.partial")
        part.write_text(json.dumps({**self.known(), "folder": str(self.folder), **values}))
        part.replace(self.record)


@dataclass(frozen=True)
class Scratch:
    """All copies of this node."""

    folder: Path
    bound: int

    @classmethod
    def of_this_node(cls) -> Scratch:
        """The one that settings name. Raises HumanrigError where it cannot be made or belongs to another user."""
        folder = scratch_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # sessions show people: nobody else may look
        (folder / "records").mkdir(exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise HumanrigError(f"{folder} belongs to another user; set {FOLDER} to a folder of yours")
        return cls(folder, scratch_bound(folder))

    def copy(self, url: str) -> Copy:
        """The copy of a session. Neighbours in the store are neighbours here, so that links between them hold."""
        scheme, _, path = url.partition("://")
        key = hashlib.sha256(url.encode()).hexdigest()[:24]
        return Copy(self.folder / "copies" / scheme / path.strip("/"), self.folder / "records" / f"{key}.json")

    def make_room(self, copy: Copy, wanted: int, wait_s: float = WAIT_S) -> None:
        """Removes copies that nobody uses, the longest unused first, until so many more bytes fit.

        Raises HumanrigError where they cannot fit beside what is in use.
        """
        until = time.monotonic() + wait_s
        while True:
            with (self.folder / "room").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if self._make_room(copy, wanted):
                    copy.note(room=_size(copy.folder) + wanted)
                    return
            if time.monotonic() >= until or _size(copy.folder) + wanted > self.bound:
                raise HumanrigError(
                    f"{self.folder}: {wanted / 1e9:.2f} GB of {copy.folder.name} do not fit into the "
                    f"{self.bound / 1e9:.2f} GB that sessions may take on this node; raise {BOUND}, or set {FOLDER} to "
                    "a larger disk"
                )
            time.sleep(1.0)

    def _make_room(self, copy: Copy, wanted: int) -> bool:
        others = sorted(
            (path for path in (self.folder / "records").glob("*.json") if path != copy.record),
            key=lambda path: _used_at(path),
        )
        taken = {path: self._taken(path) for path in others}
        free = self.bound - _size(copy.folder) - wanted - sum(taken.values())
        for path in others:
            if free >= 0:
                return True
            if self._remove(path):
                free += taken[path]
        return free >= 0

    def _taken(self, record: Path) -> int:
        known = Copy(Path(), record).known()
        return max(_size(self._folder_of(known)), int(known.get("room", 0)))

    def _remove(self, record: Path) -> bool:
        """False where a process uses it."""
        with record.with_suffix(".held").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            shutil.rmtree(self._folder_of(Copy(Path(), record).known()), ignore_errors=True)
            record.unlink(missing_ok=True)
        return True

    def _folder_of(self, known: dict[str, Any]) -> Path:
        folder = Path(known.get("folder", ""))
        return folder if folder.is_relative_to(self.folder / "copies") else self.folder / "copies" / "none"


def _used_at(record: Path) -> float:
    with suppress(OSError):
        return record.with_suffix(".held").stat().st_mtime
    return 0.0


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
