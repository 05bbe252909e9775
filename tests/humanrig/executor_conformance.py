"""What every executor must do. A test module subclasses `ExecutorConformance` and gives the fixture `executor`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from humanrig.errors import HumanrigError
from humanrig.executors.executor import Ended, Event, Executor, Progressed, Started, Task

LONGEST_S = 60.0
"""A worker that has to be started on a busy machine; far above what any of these tasks takes."""


def task(function: str, name: str = "task", memory_bytes: int = 0, **arguments: object) -> Task:
    """A task of executor_tasks.py."""
    return Task(name=name, call=f"executor_tasks:{function}", arguments=arguments, memory_bytes=memory_bytes)


def events_of(executor: Executor, ends: int) -> list[Event]:
    """All events until so many tasks have ended."""
    seen: list[Event] = []
    until = time.monotonic() + LONGEST_S
    while sum(isinstance(event, Ended) for event in seen) < ends:
        assert time.monotonic() < until, seen
        seen += executor.events(0.2)
    return seen


def ends_of(executor: Executor, ends: int) -> dict[str, Ended]:
    """How the next so many tasks ended, by name."""
    return {event.task.name: event for event in events_of(executor, ends) if isinstance(event, Ended)}


class ExecutorConformance:
    """The fixture `executor` has at least two slots and nothing to do."""

    def test_a_value_comes_back_after_start_and_progress(self, executor: Executor) -> None:
        executor.submit(task("add", "sum", a=2, b=3))
        events = events_of(executor, 1)
        assert isinstance(events[0], Started)
        assert events[0].worker
        last = events[-1]
        assert isinstance(last, Ended)
        assert last.fine
        assert last.value["sum"] == 5
        assert last.seconds >= 0
        progressed = [event for event in events if isinstance(event, Progressed)]
        assert progressed[-1].done == progressed[-1].total == 3
        assert {event.task.name for event in events} == {"sum"}

    def test_work_is_done_in_other_processes(self, executor: Executor) -> None:
        executor.submit(task("add", a=1, b=1))
        assert ends_of(executor, 1)["task"].value["pid"] != os.getpid()

    def test_an_expected_error_is_its_sentence(self, executor: Executor) -> None:
        executor.submit(task("refuse", text="the door is shut; open it"))
        end = ends_of(executor, 1)["task"]
        assert end.error == "the door is shut; open it"
        assert not end.fine
        assert not end.trouble
        assert not end.died

    @pytest.mark.parametrize(("function", "says"), [("stumble", "ZeroDivisionError"), ("not_json", "not JSON")])
    def test_an_error_that_nobody_expected_is_a_traceback(self, executor: Executor, function: str, says: str) -> None:
        executor.submit(task(function))
        end = ends_of(executor, 1)["task"]
        assert says in end.trouble
        assert "Traceback" in end.trouble
        assert not end.error
        assert not end.died

    def test_a_function_that_is_not_there_is_a_traceback(self, executor: Executor) -> None:
        executor.submit(task("nothing_of_that_name"))
        assert "nothing_of_that_name" in ends_of(executor, 1)["task"].trouble

    def test_a_death_costs_only_its_task(self, executor: Executor) -> None:
        executor.submit(task("rest", "other", seconds=0.5))
        executor.submit(task("die", "killed"))
        ends = ends_of(executor, 2)
        assert ends["killed"].died
        assert not ends["killed"].error
        assert ends["other"].fine

    def test_a_task_whose_process_died_may_be_given_again(self, executor: Executor, tmp_path: Path) -> None:
        again = task("die", once=str(tmp_path / "died"))
        executor.submit(again)
        assert ends_of(executor, 1)["task"].died
        executor.submit(again)
        assert ends_of(executor, 1)["task"].value == "lived"

    def test_running_out_of_memory_is_a_death_that_says_so(self, executor: Executor) -> None:
        executor.submit(task("exhaust"))
        assert "memory" in ends_of(executor, 1)["task"].died
        executor.submit(task("add", a=1, b=1))
        assert ends_of(executor, 1)["task"].fine

    def test_more_tasks_than_slots_are_all_done(self, executor: Executor) -> None:
        for number in range(3 * executor.slots):
            executor.submit(task("add", f"sum{number}", a=number, b=1))
        ends = ends_of(executor, 3 * executor.slots)
        assert {name: end.value["sum"] for name, end in ends.items()} == {
            f"sum{n}": n + 1 for n in range(3 * executor.slots)
        }

    def test_tasks_run_side_by_side(self, executor: Executor, tmp_path: Path) -> None:
        for mine, other in (("one", "two"), ("two", "one")):
            executor.submit(task("meet", mine, folder=str(tmp_path), mine=mine, other=other))
        assert all(end.value is True for end in ends_of(executor, 2).values())

    def test_a_cancelled_task_is_not_heard_of_again(self, executor: Executor) -> None:
        for number in range(executor.slots + 1):  # the last one waits
            executor.submit(task("rest", f"rest{number}", seconds=30.0))
        for number in range(executor.slots + 1):
            executor.cancel(f"rest{number}")
        executor.submit(task("add", "sum", a=1, b=1))
        assert {event.task.name for event in events_of(executor, 1)} == {"sum"}

    def test_nothing_happens_without_tasks(self, executor: Executor) -> None:
        assert list(executor.events(0.05)) == []

    def test_a_task_that_no_machine_could_hold_is_refused(self, executor: Executor) -> None:
        with pytest.raises(HumanrigError, match=r"giant needs .* GB of memory"):
            executor.submit(task("add", "giant", memory_bytes=1 << 60, a=1, b=1))
        assert list(executor.events(0.05)) == []

    def test_numerical_libraries_use_one_thread(self, executor: Executor) -> None:
        executor.submit(task("threads"))
        assert set(ends_of(executor, 1)["task"].value.values()) == {"1"}
