"""How long many sessions take on so many workers: their stages given out one by one, as a batch does it."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate


@dataclass(frozen=True, kw_only=True)
class Step:
    """One stage of one session."""

    stage: str
    seconds: float
    memory_bytes: int = 0
    disk_bytes: int = 0
    pieces: int = 1
    """Into so many tasks it can be cut where workers are idle."""
    rest_s: float = 0.0
    """What the stage itself still does after them."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One task, as it was done."""

    session: int
    stage: str
    worker: int
    begin_s: float
    end_s: float
    memory_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What a number of workers did."""

    workers: int
    runs: Sequence[Run]

    @property
    def seconds(self) -> float:
        """When the last task ended."""
        return max((run.end_s for run in self.runs), default=0.0)

    @property
    def work_s(self) -> float:
        """What all workers did together."""
        return sum(run.end_s - run.begin_s for run in self.runs)

    @property
    def efficiency(self) -> float:
        """Share of the workers' time in which they worked."""
        return self.work_s / (self.workers * self.seconds) if self.runs else 1.0

    @property
    def tail_s(self) -> float:
        """How long before the end the first worker had nothing more to do."""
        last: dict[int, float] = defaultdict(float)
        for run in self.runs:
            last[run.worker] = max(last[run.worker], run.end_s)
        return self.seconds - (min(last.values()) if len(last) == self.workers else 0.0)

    @property
    def memory_bytes(self) -> int:
        """The most that tasks hold at once."""
        changes = [(run.begin_s, run.memory_bytes) for run in self.runs]
        changes += [(run.end_s, -run.memory_bytes) for run in self.runs]
        return max(accumulate((change for _, change in sorted(changes)), initial=0))

    @property
    def by_stage(self) -> dict[str, float]:
        """Worker seconds of each stage."""
        found: dict[str, float] = defaultdict(float)
        for run in self.runs:
            found[run.stage] += run.end_s - run.begin_s
        return dict(found)


def simulated(sessions: Sequence[Sequence[Step]], workers: int, memory_bytes: int | None = None) -> Timeline:
    """The timeline of `workers` that do every session's steps in order, the session with most left first.

    A step that can be cut is cut where more workers are free than sessions are waiting. A step that needs more than
    `memory_bytes` runs alone.
    """
    batch = _Batch(sessions, workers, memory_bytes)
    while batch.ready or batch.running:
        batch.give()
        batch.take()
    return Timeline(workers=workers, runs=batch.runs)


class _Batch:
    """The state of a simulated batch."""

    def __init__(self, sessions: Sequence[Sequence[Step]], workers: int, memory_bytes: int | None) -> None:
        self.steps = [deque(chain) for chain in sessions]
        self.free = list(range(workers))
        self.memory = memory_bytes
        self.time_s = 0.0
        self.left = [sum(step.seconds for step in chain) for chain in self.steps]
        self.ready = [(-self.left[n], n) for n, chain in enumerate(self.steps) if chain]
        self.running: list[tuple[float, int, int, int, int]] = []
        """(end, number of the run, session, worker, memory)."""
        self.parts = [0] * len(self.steps)
        """Tasks of a session that run."""
        self.runs: list[Run] = []
        heapq.heapify(self.ready)

    def give(self) -> None:
        """Starts what can be started now."""
        passed = []
        while self.free and self.ready:
            entry = heapq.heappop(self.ready)
            step = self.steps[entry[1]][0]
            if self.memory is not None and step.memory_bytes > self.memory and self.running:
                passed.append(entry)
                continue
            self._start(entry[1], step)
        for entry in passed:
            heapq.heappush(self.ready, entry)

    def take(self) -> None:
        """Goes on to the next end of a task."""
        self.time_s, _, session, worker, memory = heapq.heappop(self.running)
        self.free.append(worker)
        if self.memory is not None:
            self.memory += memory
        self.parts[session] -= 1
        if self.parts[session] == 0 and self.steps[session]:
            heapq.heappush(self.ready, (-self.left[session], session))

    def _start(self, session: int, step: Step) -> None:
        count = min(step.pieces, len(self.free) - len(self.ready))
        if self.memory is not None and step.memory_bytes:
            count = min(count, self.memory // step.memory_bytes)
        chain = self.steps[session]
        chain.popleft()
        self.left[session] -= step.seconds
        if count <= 1:
            lengths = [step.seconds]
        else:
            each = (step.seconds - step.rest_s) / step.pieces
            lengths = [each * (step.pieces // count + (n < step.pieces % count)) for n in range(count)]
            chain.appendleft(replace(step, seconds=step.rest_s, pieces=1))
            self.left[session] += step.rest_s
        self.parts[session] = len(lengths)
        for seconds in lengths:
            worker, end = self.free.pop(), self.time_s + seconds
            heapq.heappush(self.running, (end, len(self.runs), session, worker, step.memory_bytes))
            self.runs.append(
                Run(session=session, stage=step.stage, worker=worker, begin_s=self.time_s, end_s=end,
                    memory_bytes=step.memory_bytes)
            )  # fmt: skip
            if self.memory is not None:
                self.memory -= step.memory_bytes
