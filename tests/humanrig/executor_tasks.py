"""Tasks of the executors' tests: they need nothing but the standard library and humanrig.errors."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from humanrig.errors import HumanrigError
from humanrig.executors.executor import Tell


def add(tell: Tell, *, a: int, b: int) -> dict[str, int]:
    for done in range(1, 4):
        tell(done, 3)
    return {"sum": a + b, "pid": os.getpid()}


def refuse(tell: Tell, *, text: str) -> None:
    raise HumanrigError(text)


def stumble(tell: Tell) -> float:
    return 1 / 0


def not_json(tell: Tell) -> object:
    return {1, 2}


def die(tell: Tell, *, once: str | None = None) -> str:
    """Kills its own process; with `once`, only where that file is not yet there."""
    if once is not None:
        if Path(once).exists():
            return "lived"
        Path(once).touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return "not reached"


def exhaust(tell: Tell) -> None:
    raise MemoryError("Unable to allocate 9 TB")


def rest(tell: Tell, *, seconds: float, log: str | None = None) -> int:
    """Sleeps; notes when it began and ended, and its process, as lines of a file."""
    if log is not None:
        with Path(log).open("a") as file:
            file.write(f"begin {os.getpid()} {time.time()}\n")
    time.sleep(seconds)
    if log is not None:
        with Path(log).open("a") as file:
            file.write(f"end {os.getpid()} {time.time()}\n")
    return os.getpid()


def meet(tell: Tell, *, folder: str, mine: str, other: str) -> bool:
    """Whether the other task was there while this one was; waits for it half a minute."""
    (Path(folder) / mine).touch()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if (Path(folder) / other).exists():
            return True
        time.sleep(0.02)
    return False


def threads(tell: Tell) -> dict[str, str | None]:
    """What the numerical libraries of this process are told."""
    return {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def ports(tell: Tell) -> list[tuple[str, int]]:
    """Address and number of every TCP port that this user's processes of Ray listen on."""
    ours = {inode for pid in _processes_of_ray() for inode in _sockets(pid)}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in ours:  # listens
                address, port = words[1].split(":")
                found.append((_dotted(address), int(port, 16)))
    return found


def _processes_of_ray() -> list[Path]:
    """The processes that have this one's grandparent, whoever started Ray, among their ancestors."""
    parents = {path.name: _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    root = parents[parents[str(os.getpid())]]
    below = {root}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return [Path("/proc") / pid for pid in below - {root}]


def _parent(process: Path) -> str:
    try:
        return (process / "stat").read_text().rsplit(")", maxsplit=1)[1].split()[1]
    except OSError:
        return ""


def _sockets(process: Path) -> list[str]:
    targets = []
    with suppress(OSError):  # it ended meanwhile
        for entry in (process / "fd").iterdir():
            with suppress(OSError):
                targets.append(os.readlink(entry))
    return [target[8:-1] for target in targets if target.startswith("socket:[")]


def _dotted(text: str) -> str:
    """The address of a table of ports: 32-bit words, the lowest byte first; IPv4 in IPv6 is its last word."""
    return socket.inet_ntoa(bytes.fromhex(text[-8:])[::-1])


def chatter(tell: Tell, *, die: bool) -> str:
    """Prints as libraries do, past Python's own streams."""
    sys.stdout.write("a line of Python\n")
    os.write(1, b"Loading the network\n")
    os.write(2, b"terminate called after throwing 'std::bad_alloc'\n\n")
    if die:
        os.abort()
    return "done"
