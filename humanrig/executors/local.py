"""Tasks in processes of this machine, one for each slot, which live on from task to task."""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final, cast

from capture.worker_process import how_it_ended
from hps.synthesis.one_thread import one_thread
from humanrig.errors import HumanrigError
from humanrig.executors.executor import Ended, Event, Progressed, Started, Task
from humanrig.executors.last_words import LastWords
from humanrig.executors.machine import graphics_cards, kills_for_memory, memory_for_tasks, memory_in_all
from humanrig.executors.performing import Performed
from humanrig.executors.worker import start_worker

END_S: Final = 5.0
"""So long a process may clear up when it is told to end."""
MOST_OVERTAKEN: Final = 32
"""So many smaller tasks may pass one that waits for memory; then all wait until it fits."""


@dataclass(eq=False)
class _Member:
    """A process, and what it works on."""

    process: BaseProcess
    heard: Connection
    words: LastWords
    task: Task | None = None
    since: float = 0.0
    killed_before: int = 0
    exhausted: str = ""

    @property
    def name(self) -> str:
        return f"{socket.gethostname()}/{self.process.pid}"


class LocalExecutor:
    """An `executor.Executor` over spawned processes. A process that dies costs only its task, and is replaced."""

    def __init__(self, workers: int, memory_bytes: int | None = None, gpus: float | None = None) -> None:
        """memory_bytes, gpus: what all tasks may hold together; by default what the machine has free. A task that needs
        more than is free, though no more than the machine has, runs alone: what it needs is an estimate.

        Raises HumanrigError for fewer workers than one.
        """
        if workers < 1:
            raise HumanrigError(f"--workers {workers}: at least one is needed")
        self._workers = workers
        self._memory = memory_for_tasks() if memory_bytes is None else memory_bytes
        self._most_memory = memory_in_all() if memory_bytes is None else memory_bytes
        self._gpus = float(graphics_cards()) if gpus is None else gpus
        self._members: list[_Member] = []
        self._waiting: list[Task] = []
        self._overtaken = 0
        self._happened: list[Event] = []

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def slots(self) -> int:
        """How many tasks run at once."""
        return self._workers

    def submit(self, task: Task) -> None:
        """Takes a task. Raises HumanrigError for one that needs more memory or cards than this machine has."""
        if task.memory_bytes > self._most_memory:
            raise HumanrigError(
                f"{task.name} needs {task.memory_bytes / 1e9:.1f} GB of memory, this machine has "
                f"{self._most_memory / 1e9:.1f} GB; use fewer --frames at once, or a larger machine"
            )
        if task.gpus > self._gpus:
            raise HumanrigError(
                f"{task.name} asks for {task.gpus:g} GPUs, this machine offers {self._gpus:g}; leave out "
                "--gpus-per-task, or give the --address of a cluster that has them"
            )
        self._waiting.append(task)
        self._assign()

    def events(self, timeout_s: float) -> Sequence[Event]:
        """What happened since the last call, in order; waits for the first event at most so long."""
        until = time.monotonic() + timeout_s
        while True:
            left = 0.0 if self._happened else max(until - time.monotonic(), 0.0)
            if self._members:
                heard = wait([member.heard for member in self._members], left)
                for member in [member for member in self._members if member.heard in heard]:
                    self._hear(member)
            else:
                time.sleep(left)
            self._assign()
            if self._happened or time.monotonic() >= until:
                happened, self._happened = self._happened, []
                return happened

    def cancel(self, name: str) -> None:
        """Ends a task, running or waiting; no event of it comes any more."""
        self._waiting = [task for task in self._waiting if task.name != name]
        gone = [member for member in self._members if member.task is not None and member.task.name == name]
        self._members = [member for member in self._members if member not in gone]
        _end(gone)
        self._happened = [event for event in self._happened if event.task.name != name]
        self._assign()

    def close(self) -> None:
        """Ends everything."""
        members, self._members, self._waiting, self._happened = self._members, [], [], []
        _end(members)

    def _assign(self) -> None:
        while len(self._busy()) < self._workers and (task := self._next()) is not None:
            member = next((member for member in self._members if member.task is None), None)
            if member is None:
                member = self._start()
            member.task, member.since, member.killed_before = task, time.monotonic(), kills_for_memory()
            with suppress(BrokenPipeError, ConnectionResetError):  # it died already: that is heard next
                member.heard.send((task.call, dict(task.arguments)))
            self._happened.append(Started(task=task, worker=member.name))

    def _busy(self) -> list[_Member]:
        return [member for member in self._members if member.task is not None]

    def _next(self) -> Task | None:
        """The first waiting task that there is memory and a card for."""
        held = [member.task for member in self._busy() if member.task is not None]
        memory, gpus = sum(task.memory_bytes for task in held), sum(task.gpus for task in held)
        for place, task in enumerate(self._waiting):
            roomy = memory + task.memory_bytes <= self._memory or not held
            if roomy and gpus + task.gpus <= self._gpus + 1e-9:
                self._overtaken = self._overtaken + 1 if place else 0
                return self._waiting.pop(place)
            if self._overtaken >= MOST_OVERTAKEN:
                return None
        return None

    def _start(self) -> _Member:
        # spawned, not forked: threads of numerical libraries do not survive a fork
        context = multiprocessing.get_context("spawn")
        heard, theirs = context.Pipe()
        words = LastWords()
        process = context.Process(target=start_worker, args=(theirs, words.path), name="humanrig worker", daemon=True)
        with one_thread():
            process.start()
        theirs.close()
        member = _Member(process=process, heard=cast(Connection, heard), words=words)
        self._members.append(member)
        return member

    def _hear(self, member: _Member) -> None:
        try:
            while member.heard.poll():
                what, value = member.heard.recv()
                if what == "performed":
                    self._performed(member, value)
                elif member.task is not None:
                    self._happened.append(Progressed(task=member.task, done=value[0], total=value[1]))
        except (EOFError, OSError):
            self._died(member)

    def _performed(self, member: _Member, done: Performed) -> None:
        assert member.task is not None
        if done.exhausted:
            member.exhausted = done.exhausted  # told when the process is gone and its memory free
            return
        self._happened.append(
            Ended(
                task=member.task,
                seconds=done.seconds,
                worker=member.name,
                value=done.value,
                error=done.error,
                trouble=done.trouble,
            )
        )
        member.task = None

    def _died(self, member: _Member) -> None:
        self._members.remove(member)
        _wait_for(member.process)
        member.heard.close()
        said = member.words.last_line()
        member.words.close()
        if member.task is None:
            return
        how = member.exhausted or how_it_ended(member.process) + (f", after it said '{said}'" if said else "")
        if member.process.exitcode == -9 and kills_for_memory() > member.killed_before:
            how += ": the system ran out of memory"
        seconds = round(time.monotonic() - member.since, 3)
        self._happened.append(Ended(task=member.task, seconds=seconds, worker=member.name, died=how))


def default_workers() -> int:
    """One for each processor that this program may use."""
    return len(os.sched_getaffinity(0))


def _wait_for(process: BaseProcess) -> None:
    """The pipe is shut: the process is about to be gone."""
    process.join(END_S)
    if process.is_alive():
        process.kill()
        process.join()


def _end(members: Sequence[_Member]) -> None:
    for member in members:
        member.process.terminate()
    until = time.monotonic() + END_S
    for member in members:
        member.process.join(max(until - time.monotonic(), 0.0))
        if member.process.is_alive():
            member.process.kill()
            member.process.join()
        member.heard.close()
        member.words.close()
