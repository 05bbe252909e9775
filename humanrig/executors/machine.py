"""What this machine has for tasks: memory, graphics cards, and whether the system killed for want of memory."""

from __future__ import annotations

from pathlib import Path

SHARE = 0.9
"""Of the memory that is free; the rest is for the page cache and the program itself."""
_GROUP = Path("/sys/fs/cgroup")


def memory_for_tasks() -> int:
    """Bytes that tasks may hold together: a share of what is free now, and of what a container allows."""
    free = [_meminfo("MemAvailable"), _group_left()]
    known = [number for number in free if number is not None]
    return int(SHARE * min(known)) if known else 1 << 62


def memory_in_all() -> int:
    """Bytes that the machine has, or that a container allows: no task here can ever hold more."""
    known = [number for number in (_meminfo("MemTotal"), _group_most()) if number is not None]
    return min(known) if known else 1 << 62


def graphics_cards() -> int:
    """NVIDIA cards that this machine offers."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def kills_for_memory() -> int:
    """Processes that the system has killed because memory ran out; it only ever rises."""
    files = (Path("/proc/vmstat"), _GROUP / "memory.events", _GROUP / "memory" / "memory.oom_control")
    return sum(_number(path, "oom_kill") or 0 for path in files)


def _meminfo(name: str) -> int | None:
    number = _number(Path("/proc/meminfo"), f"{name}:")
    return None if number is None else number * 1024


def _group_left() -> int | None:
    """What the container's limit leaves; None without a limit."""
    most = _group_most()
    used = _first(_GROUP / "memory.current", _GROUP / "memory" / "memory.usage_in_bytes")
    return None if most is None or used is None else max(most - used, 0)


def _group_most() -> int | None:
    """The container's limit; None without one."""
    most = _first(_GROUP / "memory.max", _GROUP / "memory" / "memory.limit_in_bytes")
    return most if most is not None and most < 1 << 60 else None


def _first(*paths: Path) -> int | None:
    """The number in the first of the files that is there; None where it holds a word."""
    for path in paths:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdecimal() else None
    return None


def _number(path: Path, name: str) -> int | None:
    """The number behind a name in a file of lines `name number …`."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    words = (line.split() for line in lines)
    return next((int(some[1]) for some in words if len(some) > 1 and some[0] == name), None)
