"""The computer: memory, disks, limits, language and clock."""

from __future__ import annotations

import ctypes
import locale
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from humanrig.doctor.finding import Finding, broken, look, ok
from humanrig.doctor.probe import spare_cores

GB = 1e9
LEAST_FREE_GB, GOOD_FREE_GB = 1.0, 20.0
"""A minute of ten Kinects is 7 GB; a session of 300 instants of six Kinects, with its results, 2 GB."""
GOOD_MEMORY_GB = 8.0
GOOD_SHARED_GB = 0.5
"""Containers have 0.06 GB by default. Ray keeps there what tasks exchange, torch the batches of a training."""
GOOD_FILES = 1024
"""What Linux gives a login by default."""
STA_UNSYNC = 0x40
"""Bit of the kernel's clock status (adjtimex(2))."""


def computer() -> Iterator[Finding]:
    """Everything of the computer."""
    yield from cores_and_memory()
    yield from folders()
    yield from limits()
    yield from language()
    yield from clock()


def cores_and_memory(meminfo: Path = Path("/proc/meminfo")) -> Iterator[Finding]:
    """How much of both a run may use."""
    allowed, there = spare_cores(), os.cpu_count() or 1
    yield ok("cores", f"{allowed}" + (f" of {there} may be used" if allowed < there else ""))
    try:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in meminfo.read_text().splitlines() if ":" in line}
        total, free = kib["MemTotal"] * 1024 / GB, kib["MemAvailable"] * 1024 / GB
    except (OSError, ValueError, KeyError, IndexError):
        return
    limit = cgroup_limit_gb()
    total = min(total, limit) if limit else total
    about = f"{total:.1f} GB, {min(free, total):.1f} GB free"
    if total < GOOD_MEMORY_GB:
        yield look("memory", about, "give --workers 1, or use a computer with 8 GB or more")
    else:
        yield ok("memory", about)


def cgroup_limit_gb(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """The memory that a container may use; None without a limit."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limit = int((root / name).read_text())
        except (OSError, ValueError):
            continue
        return limit / GB if limit < 1 << 50 else None
    return None


def folders() -> Iterator[Finding]:
    """Where is written: the cache, temporary files, the present folder, shared memory."""
    from humanrig.wheel_files import cache_folder

    places = (
        ("cache", cache_folder(), "set HUMANRIG_CACHE to a folder that you can write"),
        ("temporary folder", Path(tempfile.gettempdir()), "set TMPDIR to a folder that you can write"),
        ("present folder", Path.cwd(), "work in a folder that you can write"),
    )
    for name, place, fix in places:
        yield place_to_write(name, place, fix)
    shared = Path("/dev/shm")
    if shared.is_dir():
        size = shutil.disk_usage(shared).total / GB
        if size < GOOD_SHARED_GB:
            fix = "in a container, give it more (docker run --shm-size 2g); else: mount -o remount,size=2G /dev/shm"
            yield look("/dev/shm", f"{size:.2f} GB of shared memory", fix)
        else:
            yield ok("/dev/shm", f"{size:.1f} GB of shared memory")


def place_to_write(name: str, place: Path, fix: str) -> Finding:
    """Whether a file can be written there, and how much room is left."""
    there = place
    while not there.exists() and there != there.parent:
        there = there.parent
    core = name == "temporary folder"
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"humanrig")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        problem = f"{place} cannot be written ({error.strerror or error})"
        return broken(name, problem, fix) if core else look(name, problem, fix)
    free = shutil.disk_usage(there).free / GB
    about = f"{place}, {free:.0f} GB free" if free >= 10 else f"{place}, {free:.1f} GB free"
    if free < LEAST_FREE_GB and core:
        return broken(name, about, f"free some space there, or {fix}")
    if free < LEAST_FREE_GB:
        return look(name, about, "free some space there")
    if name == "present folder" and free < GOOD_FREE_GB:
        room = "a minute of ten Kinects takes 7 GB"
        return look(name, about, f"record and reconstruct on a disk with more room: {room}")
    return ok(name, about)


def limits() -> Iterator[Finding]:
    """Of this login."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < GOOD_FILES:
        yield look(
            "open files", f"{soft} at once, {hard} allowed", f"run: ulimit -n {min(4096, max(hard, GOOD_FILES))}"
        )
    else:
        yield ok("open files", f"{soft} at once")
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if largest != resource.RLIM_INFINITY:
        yield look("file size", f"at most {largest / GB:.1f} GB a file", "run: ulimit -f unlimited")


def language() -> Iterator[Finding]:
    """File names and pages are UTF-8."""
    names, text = sys.getfilesystemencoding(), locale.getpreferredencoding(False)
    if {names.lower().replace("-", ""), text.lower().replace("-", "")} != {"utf8"}:
        yield look("language", f"file names are {names}, text is {text}", "run: export LANG=C.UTF-8")
    else:
        yield ok("language", "UTF-8")


def clock() -> Iterator[Finding]:
    """Whether the computer's clock follows a time server: several hosts and phones are put in step by it at first."""
    status = clock_status()
    if status is None:
        return
    if status & STA_UNSYNC:
        fix = "run: sudo timedatectl set-ntp true, before recording with several computers; in a container, on its host"
        yield look("clock", "the kernel says that no time server keeps it", fix)
    else:
        yield ok("clock", "kept by a time server")


def clock_status() -> int | None:
    """The kernel's status bits (adjtimex(2)); None where it does not tell."""

    class Timex(ctypes.Structure):
        """The head of struct timex, and room for the rest."""

        _fields_ = (
            ("modes", ctypes.c_uint),
            ("offset", ctypes.c_long),
            ("freq", ctypes.c_long),
            ("maxerror", ctypes.c_long),
            ("esterror", ctypes.c_long),
            ("status", ctypes.c_int),
            ("rest", ctypes.c_char * 256),
        )

    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    values = Timex()
    return int(values.status) if adjtimex(ctypes.byref(values)) >= 0 else None
