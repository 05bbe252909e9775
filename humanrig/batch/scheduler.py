"""Gives the steps of many sessions to an executor: who is next, what to do about errors and deaths, when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from humanrig.batch.asking import Asked
from humanrig.batch.finding import Found
from humanrig.batch.places import is_address
from humanrig.batch.tasks import SHAPE
from humanrig.batch.work import JUDGE, PREPARE, Step, Work
from humanrig.errors import HumanrigError
from humanrig.executors.executor import Ended, Event, Executor, Progressed, Started, Task

MOST_GIVEN: Final = 3
"""Once, and twice again where its process died."""
PERIOD_S: Final = 0.25
GPU_STAGES: Final = frozenset({"register"})
"""What torch does the work of."""
NO_MEMORY: Final = ("memory", "bad_alloc")
"""In how a process died: the executor's words, and C++'s last ones."""
_TASKS = "humanrig.batch.tasks"
STUCK_S: Final = 2.0
"""A task that has not begun so long after it was given waits for memory, or for a machine."""
Watch = Callable[["Batch"], None]


@dataclass(kw_only=True)
class _Given:
    """A task that the executor has."""

    work: Work
    step: Step
    since: float
    started: bool = False


class Batch:
    """All sessions of one command. One that fails stops no other."""

    def __init__(
        self, executor: Executor, found: Sequence[Found], asked: Asked, watch: Watch, gpus_per_task: float = 0.0
    ) -> None:
        """watch: called several times a second, and at each end of a step."""
        self.executor = executor
        self.asked = asked
        self.begun = time.monotonic()
        self.deaths: list[str] = []
        """What died, one sentence each."""
        self.works = [Work(number=number, found=one) for number, one in enumerate(found)]
        self._watch = watch
        self._gpus = gpus_per_task
        self._given: dict[str, _Given] = {}
        """What the executor has, by the task's name."""
        for work in self.works:
            if work.found.trouble:
                work.state, work.error = "failed", work.found.trouble
            elif work.found.left_out:
                work.state = "left out"

    def run(self) -> Sequence[Work]:
        """Returns how every session ended. Raises nothing that a session did."""
        self._watch(self)
        while not all(work.ended for work in self.works):
            self._give(patient=True)
            if not self._given:
                self._give(patient=False)
            if (
                self._given or not self.executor.slots
            ):  # else what was to be given was refused, and something else is next
                for event in self.executor.events(PERIOD_S):
                    self._take(event)
            self._watch(self)
        return self.works

    def _give(self, *, patient: bool) -> None:
        """Fills the slots: sessions that are begun before others, long ones before short ones; what is left over works
        ahead. patient: shapes wait for the takes that they come from; takes that name each other would wait forever."""
        room = self._room()
        ready = sorted((work for work in self.works if self._ready(work, patient)), key=_order)
        for place, work in enumerate(ready):
            step = work.next
            if room <= 0 or step is None:
                return
            if not self._ready(work, patient):  # what was given just now stands in its way
                continue
            idle = room - (len(ready) - place - 1)
            pieces = work.pieces_of(step)
            if pieces and (idle > 1 or work.ahead_of(step)):
                for piece in pieces[: max(idle, 0)]:
                    self._submit_ahead(work, step, piece)
                    room -= 1
            else:
                room -= self._submit(work, step)
        for work in sorted((work for work in self.works if not work.ended), key=_order):
            for step in work.stages:
                for piece in list(work.pieces_of(step)) if step.name != work.running else ():
                    if room <= 0:
                        return
                    self._submit_ahead(work, step, piece)
                    room -= 1

    def _room(self) -> int:
        """How many more tasks the executor is to have: as many as it has slots, and one for each that waits there for
        memory, so that others may pass."""
        slots, now = self.executor.slots, time.monotonic()
        stuck = sum(now - given.since > STUCK_S and not given.started for given in self._given.values())
        return slots + min(stuck, slots) - len(self._given)

    def _ready(self, work: Work, patient: bool) -> bool:
        step = work.next
        if work.ended or work.running or step is None:
            return False
        if work.ahead_of(step) and not work.pieces_of(step):
            return False  # the last of what is done ahead of it is on its way
        if any(other.running == SHAPE and other.shape == work.found.session for other in self.works):
            return False  # another session's shape is being found in it
        return step.name != SHAPE or not self._shape_is_awaited(work, patient)

    def _shape_is_awaited(self, work: Work, patient: bool) -> bool:
        """Whether the take that the shape comes from is worked on, or is to be by this batch: one program at a time."""
        for other in self.works:
            if other is work or other.ended:
                continue
            if other.running == SHAPE and other.shape == work.shape:
                return True
            if other.found.session == work.shape and (other.running or (patient and not _has(other, "register"))):
                return True
        return False

    def _submit(self, work: Work, step: Step) -> bool:
        """Whether the executor took it; else the session has failed."""
        step.pieces = []  # what was not done ahead, the stage does
        arguments: dict[str, Any] = {"session": work.found.session}
        if step.name == JUDGE:
            call, arguments["until"] = "judge_task", self.asked.only or self.asked.until
        else:
            call = {PREPARE: "prepare_task", SHAPE: "shape_task"}.get(step.name, "run_stage_task")
            arguments["asked"] = self._asked(work).values
        if call == "run_stage_task":
            arguments |= {"stage": step.name, "forced": self._forced(work, step), "again": step.deaths > 0}
        task = Task(
            name=f"{work.number}/{step.name}",
            call=f"{_TASKS}:{call}",
            arguments=arguments,
            memory_bytes=step.memory_bytes,
            gpus=self._gpus if step.name in GPU_STAGES else 0.0,
            machine=work.worker.partition("/")[0] if is_address(work.found.session) else "",  # it has a copy
        )
        try:
            if not (step.starved and self._accepted(replace(task, memory_bytes=2 * step.memory_bytes))):
                self.executor.submit(task)
        except HumanrigError as error:
            self._fail(work, step, str(error))
            return False
        self._given[task.name] = _Given(work=work, step=step, since=time.monotonic())
        work.state, work.running, work.progress, work.since = "running", step.name, (0, 0), 0.0
        return True

    def _accepted(self, task: Task) -> bool:
        try:
            self.executor.submit(task)
        except HumanrigError:
            return False
        return True

    def _submit_ahead(self, work: Work, step: Step, piece: tuple[int, int]) -> None:
        assert step.pieces is not None
        step.pieces.remove(piece)
        task = Task(
            name=f"{work.number}/{step.name}/{piece[0]}:{piece[1]}",
            call=f"{_TASKS}:run_ahead_task",
            arguments={
                "session": work.found.session,
                "stage": step.name,
                "asked": self._asked(work).values,
                "forced": self._forced(work, step),
                "first": piece[0],
                "last": piece[1],
            },
            memory_bytes=step.memory_bytes,
        )
        if not self._accepted(task):
            step.pieces = []  # it is told when the stage itself is given
            return
        self._given[task.name] = _Given(work=work, step=step, since=time.monotonic())
        work.ahead.add(task.name)
        work.state = "running"

    def _asked(self, work: Work) -> Asked:
        return replace(self.asked, configs=work.configs) if work.configs else self.asked

    def _forced(self, work: Work, step: Step) -> bool:
        """Whether the stage is redone though its result is whole, as --only and --from say."""
        if self.asked.start is None:
            return step.name == self.asked.only
        names = [one.name for one in work.stages]
        return self.asked.start in names and names.index(step.name) >= names.index(self.asked.start)

    def _take(self, event: Event) -> None:
        name = event.task.name
        given = self._given[name]
        work, step, ahead = given.work, given.step, name in given.work.ahead
        if isinstance(event, Started):
            given.started = True
            if not ahead:
                work.since, work.worker = time.monotonic(), event.worker
        elif isinstance(event, Progressed):
            if not ahead:
                work.progress = (event.done, event.total)
        else:
            del self._given[name]
            if event.died:
                self.deaths.append(f"{work.found.name}, {step.name}: {event.died}")
            if ahead:
                work.ahead.discard(name)
                if event.died:
                    step.pieces = []
            else:
                self._ended(work, step, event)
                self._watch(self)

    def _ended(self, work: Work, step: Step, end: Ended) -> None:
        work.running, work.progress, work.since = "", (0, 0), 0.0
        if end.died:
            self._died(work, step, end)
        elif end.error:
            self._fail(work, step, end.error)
        elif end.trouble:
            last = end.trouble.strip().splitlines()[-1]
            self._fail(work, step, f"an error that is a mistake of the program: {last}; please report it", end.trouble)
        else:
            self._finish(work, step, end)

    def _finish(self, work: Work, step: Step, end: Ended) -> None:
        step.done, step.task_s = True, end.seconds
        value = end.value
        if step.name == PREPARE:
            work.plan(value)
            work.state = "running" if any(stage.done for stage in work.stages) else "waiting"
        elif step.name == JUDGE:
            work.end(value)
        else:
            step.skipped, step.took_s = value["skipped"], value["seconds"]
            if step.name == SHAPE:
                if value["shape"] is not None:
                    work.configs.setdefault("register", {})["shape"] = value["shape"]
            else:
                step.figures, work.instants = value["figures"], value["instants"] or work.instants

    def _fail(self, work: Work, step: Step, error: str, trouble: str = "") -> None:
        if step.name == JUDGE:
            work.end_without_verdict(error, trouble)
        else:
            work.fail(step.name, error, trouble)

    def _died(self, work: Work, step: Step, end: Ended) -> None:
        step.deaths += 1
        if step.deaths >= MOST_GIVEN:
            self._fail(
                work,
                step,
                f"{step.deaths} processes ended by themselves while they did this, the last by {end.died}; is there "
                "enough memory? Finished stages are kept; run the same command again with fewer --workers",
            )
        else:
            step.starved = any(word in end.died for word in NO_MEMORY)


def _has(work: Work, stage: str) -> bool:
    return any(step.name == stage and step.done for step in work.steps) or bool(work.error)


def _order(work: Work) -> tuple[int, bool, float, int]:
    step = work.next
    first = [PREPARE, SHAPE].index(step.name) if step is not None and step.name in (PREPARE, SHAPE) else 2
    return (first, work.state == "waiting", -work.left_s, work.number)
