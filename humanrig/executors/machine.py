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
    for folder, limit, used in (
        (_GROUP, "memory.max", "memory.current"),
        (_GROUP / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            most, now = (folder / limit).read_text().strip(), (folder / used).read_text().strip()
        except OSError:
            continue
        if most.isdecimal() and now.isdecimal() and int(most) < 1 << 60:
            return max(int(most) - int(now), 0)
    return None


def _number(path: Path, name: str) -> int | None:
    """The number behind a name in a file of lines `name number …`."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    words = (line.split() for line in lines)
    return next((int(some[1]) for some in words if len(some) > 1 and some[0] == name), None)
