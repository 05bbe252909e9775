"""What a process needs along a stage: memory and processor time at each step of its progress, and whether they grow."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

PAGE = os.sysconf("SC_PAGE_SIZE")
LATE = 0.75
"""The last quarter of a phase is compared with the second one: the first holds what is loaded and compiled once."""
EARLY = (0.25, 0.5)
FEWEST = 40
"""A phase with fewer steps has quarters too short to compare."""


@dataclass
class StageRecord:
    """The steps of one stage, as its progress told them."""

    stage: str
    done: list[int] = field(default_factory=list)
    total: list[int] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    """Processor seconds of this process and of the children that it waited for."""
    rss_mb: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)

    def note(self, done: int, total: int) -> None:
        """One step of progress."""
        self.done.append(done)
        self.total.append(total)
        self.cpu_s.append(cpu_seconds())
        self.rss_mb.append(resident_mb())
        self.wall_s.append(time.monotonic())


@dataclass(frozen=True, kw_only=True)
class Flatness:
    """Whether one phase of a stage needs more and more."""

    stage: str
    phase: int
    """A stage may go through the instants several times: 0, 1, …"""
    steps: int
    first_mb: float
    """At its first step."""
    last_mb: float
    kb_per_step: float
    """Slope of memory over the later three quarters, a line fitted to it."""
    early_ms: float
    """Processor time for each step, second quarter."""
    late_ms: float
    """The same, last quarter."""

    @property
    def slowing(self) -> float:
        """How much longer a late step takes: 1 is flat."""
        return self.late_ms / self.early_ms if self.early_ms > 0 else 1.0


def phases(record: StageRecord, instants: int) -> list[Flatness]:
    """Of each phase of the stage that has steps enough.

    A phase ends where progress begins anew, and after every `instants` steps of a stage that goes through the take
    several times.
    """
    done = np.array(record.done)
    again = (done[1:] - 1) // instants != (done[:-1] - 1) // instants
    cuts = [0, *(np.flatnonzero((np.diff(done) < 0) | (np.diff(record.total) != 0) | again) + 1), len(done)]
    spans = [(int(a), int(b)) for a, b in pairwise(cuts) if b - a >= FEWEST]
    return [_flatness(record, number, a, b) for number, (a, b) in enumerate(spans)]


def _flatness(record: StageRecord, number: int, a: int, b: int) -> Flatness:
    done, cpu = np.array(record.done[a:b], float), np.array(record.cpu_s[a:b])
    rss = np.array(record.rss_mb[a:b])
    n = b - a
    quarter, half, late = (round(f * n) for f in (*EARLY, LATE))
    slope = np.polyfit(done[quarter:], rss[quarter:], 1)[0] if np.ptp(done[quarter:]) else 0.0
    return Flatness(
        stage=record.stage, phase=number, steps=int(done[-1] - done[0] + 1), first_mb=float(rss[0]),
        last_mb=float(rss[-1]), kb_per_step=float(1000 * slope),
        early_ms=_each_ms(done, cpu, quarter, half), late_ms=_each_ms(done, cpu, late, n - 1),
    )  # fmt: skip


def _each_ms(done: Sequence[float] | np.ndarray, cpu: np.ndarray, a: int, b: int) -> float:
    steps = done[b] - done[a]
    return float(1000 * (cpu[b] - cpu[a]) / steps) if steps > 0 else 0.0


def cpu_seconds() -> float:
    """User and system time of this process and its ended children: what a loaded machine does not change."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def resident_mb() -> float:
    """Memory that this process holds now, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * PAGE / 1e6
