"""Only one program works on a session at a time: a lease that ends with its holder, on this machine or another."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from humanrig.errors import HumanrigError

NAME = ".lease"
BEAT_S = 5.0
"""So often the holder says that it lives."""
EXPIRY_S = 60.0
"""A holder on another machine that was not heard of for so long is gone. Twelve beats: a network file system may stall
for many seconds and is no death."""
WATCH_S = 2.5 * BEAT_S
"""A lease that looks expired is watched for so long before it is taken: clocks jump, beats tell."""
_POLL_S = 0.25
_NO_UNNAMED_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.EXDEV, errno.EPERM, errno.ENOSYS)
"""What file systems and kernels answer that have none, or cannot name one."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who works on a session."""

    host: str
    kernel: str
    """The boot and the process namespace that `pid` means something in."""
    pid: int
    begun: str
    """When that process began, in ticks of its kernel: numbers of processes come again."""
    since: str
    token: str

    @classmethod
    def this(cls) -> Holder:
        """This process, now."""
        return cls(
            host=socket.gethostname(),
            kernel=_kernel(),
            pid=os.getpid(),
            begun=_process(os.getpid())[1],
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            token=uuid.uuid4().hex,
        )

    @classmethod
    def told(cls, text: str) -> Holder | None:
        """What a lease says; None where it is cut off, as by a loss of power, or just being written."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None

    @property
    def is_of_this_machine(self) -> bool:
        """Whether its process can be looked for here."""
        return self.kernel == _kernel()

    @property
    def has_ended(self) -> bool:
        """Whether it was a process of this machine that is no more."""
        if not self.is_of_this_machine:
            return False
        state, begun = _process(self.pid)
        return state in ("", "Z", "X") or begun != self.begun


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A lease file at one look."""

    text: str
    mtime_ns: int


class Lease:
    """A session that this program holds. Use `held`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / NAME
        holder = Holder.this()
        self.token = holder.token
        self._mine = json.dumps(asdict(holder))
        self._ended = threading.Event()

    def check(self) -> None:
        """Raises HumanrigError when another program has taken the session over, as from one that was stopped for long:
        nothing may be written any more."""
        if not self.is_mine():
            raise HumanrigError(
                f"another humanrig took {self.folder} over, because this one had not been heard of for more than "
                f"{EXPIRY_S:.0f} s; what it had not finished is left out; run the same command when the other ends"
            )

    def is_mine(self) -> bool:
        """Whether this program still holds the session; it takes a lease again that was removed by hand."""
        seen = _look(self._path)
        if seen is None:  # removed by hand: nobody else has it
            return self._create()
        return seen.text == self._mine

    def _create(self) -> bool:
        """Takes a free lease; False where there is one."""
        try:
            return _create_whole(self._path, self._mine.encode())
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_UNNAMED_FILES:
                raise
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        try:
            _write_all(descriptor, self._mine.encode())
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return True

    def _take(self, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while not self._create():
            seen = _look(self._path)
            if seen is None:
                continue
            if self._is_gone(seen):
                self._remove(seen)
            elif time.monotonic() >= until:
                raise HumanrigError(refusal(self.folder, Holder.told(seen.text)))
            else:
                time.sleep(_POLL_S)

    def _is_gone(self, seen: _Seen) -> bool:
        """Whether the holder no longer lives; watches a while where that is in doubt."""
        holder = Holder.told(seen.text)
        if holder is not None and holder.is_of_this_machine:
            return holder.has_ended
        if -EXPIRY_S <= self._age_s(seen) <= EXPIRY_S:
            return False
        until = time.monotonic() + WATCH_S
        while time.monotonic() < until:
            if _look(self._path) != seen:
                return False
            time.sleep(_POLL_S)
        return True

    def _age_s(self, seen: _Seen) -> float:
        """Since the last beat, by the clock of the machine that keeps the files: those of two others may differ."""
        probe = self.folder / f"{NAME}.{uuid.uuid4().hex}"
        try:
            probe.touch()
            return 1e-9 * (probe.stat().st_mtime_ns - seen.mtime_ns)
        finally:
            probe.unlink(missing_ok=True)

    def _remove(self, seen: _Seen) -> None:
        """Removes a dead lease, and nothing that took its place meanwhile."""
        aside = self._path.with_name(f"{NAME}.{uuid.uuid4().hex}")
        with suppress(FileNotFoundError):
            self._path.rename(aside)
            found = _look(aside)
            if found is not None and found.text != seen.text:
                with suppress(OSError):
                    os.link(aside, self._path)
            aside.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            with suppress(OSError):  # a network that is down for a moment: the next beat may come through
                seen = _look(self._path)
                if seen is not None and seen.text == self._mine:
                    os.utime(self._path)

    def _release(self) -> None:
        self._ended.set()
        with suppress(OSError):
            seen = _look(self._path)
            if seen is not None and seen.text == self._mine:
                self._path.unlink(missing_ok=True)


@contextmanager
def held(folder: Path, wait_s: float = 0.0) -> Iterator[Lease]:
    """Holds a session; waits at most so long for another program.

    Raises HumanrigError, naming the program, when it still holds the session then, and OSError where the folder cannot
    be written. A holder of this machine that is gone has let go at once; one of another machine after `EXPIRY_S`.
    """
    lease = Lease(folder)
    lease._take(wait_s)
    beats = threading.Thread(target=lease._beat, name="lease", daemon=True)
    beats.start()
    try:
        yield lease
    finally:
        lease._release()


def _create_whole(path: Path, data: bytes) -> bool:
    """A new file that has its contents from its first moment: nobody sees half of it, whenever this process dies.

    Raises FileExistsError where there is one, and another OSError on file systems without unnamed files, as of networks
    (open(2), O_TMPFILE).
    """
    descriptor = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
    try:
        _write_all(descriptor, data)
        # given a descriptor, Python calls linkat, which follows the link that /proc holds; link does not
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)
    finally:
        os.close(descriptor)
    return True


def _write_all(descriptor: int, data: bytes) -> None:
    """A disk that is nearly full takes a part of it, and says why only when it is asked again."""
    while data:
        data = data[os.write(descriptor, data) :]


def _look(path: Path) -> _Seen | None:
    """Opened anew each time: network file systems then ask the server. None where there is no lease."""
    try:
        with path.open(errors="replace") as file:
            return _Seen(text=file.read(4096), mtime_ns=os.fstat(file.fileno()).st_mtime_ns)
    except FileNotFoundError:
        return None


def refusal(session: Path | str, holder: Holder | None) -> str:
    """Who works on a session, and what to do about it."""
    if holder is None:
        return f"another humanrig is working on {session}; wait for it to finish"
    who = f"process {holder.pid} on {holder.host}, since {holder.since}"
    if holder.is_of_this_machine and _process(holder.pid)[0] == "T":
        return (
            f"another humanrig is working on {session} ({who}), but is stopped; "
            f"let it go on (kill -CONT {holder.pid}) or end it (kill -KILL {holder.pid})"
        )
    return f"another humanrig is working on {session} ({who}); wait for it to finish"


def _kernel() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    with suppress(OSError):
        return f"{boot.read_text().strip()} {os.stat('/proc/self/ns/pid').st_ino}"
    return socket.gethostname()


def _process(pid: int) -> tuple[str, str]:
    """State and begin of a process of this kernel, as /proc says them; empty where there is none."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return words[0], words[19]
