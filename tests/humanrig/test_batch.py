"""Many sessions: all stages of each, whatever happens to another, to a process, or to the whole."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from batch_stages import INSTANTS, NAMES, BatchStages, play_stages, take
from played_executor import PlayedExecutor, really

from humanrig.batch.asking import Asked
from humanrig.batch.finding import find_sessions
from humanrig.batch.scheduler import MOST_GIVEN, Batch
from humanrig.batch.summary import results, summary
from humanrig.batch.work import Step, Work, even_pieces, time_left_s
from humanrig.errors import HumanrigError
from humanrig.executors.executor import Ended, Task
from humanrig.lease import held


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> BatchStages:
    return play_stages(monkeypatch)


@pytest.fixture
def day(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        take(tmp_path / name)
    return tmp_path


def run(folder: Path, executor: PlayedExecutor | None = None, asked: Asked | None = None) -> Batch:
    batch = Batch(executor or PlayedExecutor(), find_sessions([str(folder)]), asked or Asked(), lambda _: None)
    batch.run()
    return batch


def states(batch: Batch) -> dict[str, str]:
    return {Path(work.found.name).name: work.state for work in batch.works}


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_every_session_goes_through_every_stage_once_and_in_order(stages: BatchStages, day: Path, slots: int) -> None:
    executor = PlayedExecutor(slots)
    batch = run(day, executor)
    assert states(batch) == {"a": "done", "b": "done", "c": "done"}, [w.trouble or w.error for w in batch.works]
    for name in "abc":
        assert [stage for one, stage in stages.ran if one == name] == list(NAMES)
        assert not (day / name / ".lease").exists()
    assert all(work.verdict is not None for work in batch.works)
    assert all(len(together) <= slots for together in executor.together)


def test_slots_are_filled(stages: BatchStages, day: Path) -> None:
    executor = PlayedExecutor(3)
    run(day, executor)
    assert Counter(len(together) for together in executor.together)[3] > len(executor.together) / 2


def test_one_that_fails_stops_no_other_and_says_why(stages: BatchStages, day: Path) -> None:
    stages.fail["b"] = HumanrigError("a camera burnt down; buy another")
    batch = run(day, PlayedExecutor(2))
    assert states(batch) == {"a": "done", "b": "failed", "c": "done"}
    (line,) = [line for line in summary(batch) if "burnt" in line]
    assert line.endswith("b at masks: a camera burnt down; buy another")
    assert ("b", "register") not in stages.ran
    assert batch.works[1].verdict is not None  # there is something to be seen of it all the same


def test_a_mistake_of_the_program_is_a_sentence_with_its_traceback_kept(stages: BatchStages, day: Path) -> None:
    stages.fail["b"] = ZeroDivisionError("division by zero")
    batch = run(day)
    assert states(batch) == {"a": "done", "b": "failed", "c": "done"}
    assert "ZeroDivisionError: division by zero" in batch.works[1].error
    assert "Traceback" in results(batch)["sessions"][str(day / "b")]["trouble"]


def dying(name: str, times: int) -> tuple[PlayedExecutor, list[Task]]:
    """An executor whose process dies so often when it is given a task of that name."""
    seen: list[Task] = []

    def answer(task: Task) -> Ended:
        if task.name == name:
            seen.append(task)
            if len(seen) <= times:
                return Ended(task=task, died="signal 9 (SIGKILL): the system ran out of memory")
        return really(task)

    return PlayedExecutor(2, answer), seen


def test_a_death_costs_only_its_task(stages: BatchStages, day: Path) -> None:
    executor, seen = dying("1/masks", MOST_GIVEN - 1)
    batch = run(day, executor)
    assert states(batch) == {"a": "done", "b": "done", "c": "done"}
    assert Counter(stages.ran)["b", "sync"] == 1
    assert [task.arguments["again"] for task in seen] == [False, True, True]
    assert [task.memory_bytes for task in seen] == [100, 200, 200]  # it ran out of memory: beside fewer others
    assert len(batch.deaths) == 2


def test_a_task_that_kills_every_process_fails_its_session_alone(stages: BatchStages, day: Path) -> None:
    executor, seen = dying("1/masks", 99)
    batch = run(day, executor)
    assert states(batch) == {"a": "done", "b": "failed", "c": "done"}
    assert len(seen) == MOST_GIVEN
    assert "3 processes ended by themselves" in batch.works[1].error
    assert "SIGKILL" in batch.works[1].error


def test_what_no_machine_holds_is_said(stages: BatchStages, day: Path) -> None:
    batch = run(day, PlayedExecutor(memory_bytes=99))
    assert set(states(batch).values()) == {"failed"}
    assert "100 bytes" in batch.works[0].error


def test_a_second_run_redoes_nothing_and_asks_little(stages: BatchStages, day: Path) -> None:
    run(day)
    stages.ran.clear()
    executor = PlayedExecutor(2)
    batch = run(day, executor)
    assert stages.ran == []
    assert all(step.skipped for work in batch.works for step in work.stages)
    assert len(executor.given) == 2 * 3  # look at each, judge each


def test_a_run_that_was_cut_off_goes_on(stages: BatchStages, day: Path) -> None:
    def interrupted(task: Task) -> Ended:
        if task.name == "1/masks":
            raise KeyboardInterrupt
        return really(task)

    with pytest.raises(KeyboardInterrupt):
        run(day, PlayedExecutor(2, interrupted))
    before = list(stages.ran)
    assert states(run(day)) == {"a": "done", "b": "done", "c": "done"}
    assert Counter(stages.ran) == dict.fromkeys([(name, stage) for name in "abc" for stage in NAMES], 1)
    assert 0 < len(before) < len(stages.ran)


def test_a_session_that_another_program_holds_is_a_row(stages: BatchStages, day: Path) -> None:
    with held(day / "b"):
        batch = run(day)
    assert states(batch) == {"a": "done", "b": "failed", "c": "done"}
    assert "another humanrig is working" in batch.works[1].error


def test_options_reach_the_stages_which_use_one_process_each(stages: BatchStages, day: Path) -> None:
    run(day, asked=Asked(configs={"masks": {"number": 7}, "sync": {"workers": 3}}, until="masks"))
    assert [(config.number, config.workers) for config in stages.configs[:2]] == [(1, 3), (7, 1)]
    assert "register" not in {stage for _, stage in stages.ran}


def test_stages_are_redone_where_it_is_asked_for(stages: BatchStages, day: Path) -> None:
    run(day)
    stages.ran.clear()
    run(day, asked=Asked(start="masks"))
    assert Counter(stage for _, stage in stages.ran) == {"masks": 3, "register": 3}
    stages.ran.clear()
    run(day, asked=Asked(only="sync"))
    assert Counter(stage for _, stage in stages.ran) == {"sync": 3}


def test_a_wrong_camera_fails_each_session_with_its_sentence(stages: BatchStages, day: Path) -> None:
    batch = run(day, asked=Asked(without=("cam9",)))
    assert set(states(batch).values()) == {"failed"}
    assert "cam9" in batch.works[0].error


def test_workers_that_would_stand_idle_work_ahead(stages: BatchStages, tmp_path: Path) -> None:
    take(tmp_path / "long")
    executor = PlayedExecutor(4)
    assert states(run(tmp_path, executor)) == {"long": "done"}
    done = sorted(instant for _, instants in stages.ahead for instant in instants)
    assert done == list(range(10, 10 + INSTANTS))
    assert executor.names.index("0/masks") > max(n for n, name in enumerate(executor.names) if ":" in name)


def test_nobody_works_ahead_where_all_are_busy_or_all_is_done(stages: BatchStages, day: Path) -> None:
    run(day, PlayedExecutor(1))
    assert stages.ahead == []
    run(day, PlayedExecutor(8))
    assert stages.ahead == []


@pytest.mark.parametrize("how", [{"error": "no"}, {"trouble": "Traceback\nno"}, {"died": "signal 9 (SIGKILL)"}])
def test_work_ahead_that_fails_is_left_to_the_stage(stages: BatchStages, tmp_path: Path, how: dict[str, str]) -> None:
    take(tmp_path / "long")

    def answer(task: Task) -> Ended:
        return Ended(task=task, **how) if "ahead" in task.call else really(task)

    assert states(run(tmp_path, PlayedExecutor(3, answer))) == {"long": "done"}
    assert stages.ran == [("long", stage) for stage in NAMES]


def plan(seconds: float) -> dict:
    """What `prepare_task` finds in a session whose three stages take so long together."""
    return {
        "configs": {}, "shape": None, "whole": [], "instants": 0, "size": {},
        "stages": [
            {"name": name, "needs": [], "seconds": seconds / 3, "memory_bytes": 1, "ahead": 0} for name in NAMES
        ],
    }  # fmt: skip


STAGE_VALUE = {"skipped": False, "seconds": 1.0, "figures": {}, "instants": 0}


def test_long_sessions_come_first_and_one_that_is_begun_is_finished(stages: BatchStages, day: Path) -> None:
    lasts = {"0": 10.0, "1": 30.0, "2": 20.0}

    def answer(task: Task) -> Ended:
        prepared = task.name.endswith("/look")
        return Ended(task=task, value=plan(lasts[task.name[0]]) if prepared else STAGE_VALUE)

    executor = PlayedExecutor(1, answer)
    run(day, executor)
    assert executor.names[:3] == ["0/look", "1/look", "2/look"]
    assert [name[0] for name in executor.names[3:]] == list("111122220000")


def test_a_shape_waits_for_the_take_that_it_comes_from(stages: BatchStages, day: Path) -> None:
    def answer(task: Task) -> Ended:
        if task.name.endswith("/look"):
            shape = str(day / "c") if task.name[0] in "01" else None
            return Ended(task=task, value={**plan(30.0 if shape else 3.0), "shape": shape})
        shapes = {"shape": "found.npz", "skipped": False, "seconds": 1.0}
        return Ended(task=task, value=shapes if task.name.endswith("/shape") else STAGE_VALUE)

    executor = PlayedExecutor(3, answer)
    assert set(states(run(day, executor)).values()) == {"done"}
    names = executor.names
    assert names.index("2/register") < names.index("0/shape") < names.index("0/register")
    for together in executor.together:  # one program at a time works on the take
        assert sum(name.endswith("/shape") or name.startswith("2/") for name in together) <= 1
    register = next(task for task in executor.given if task.name == "0/register")
    assert register.arguments["asked"]["configs"]["register"]["shape"] == "found.npz"


def test_takes_that_name_each_other_do_not_wait_forever(stages: BatchStages, day: Path) -> None:
    def answer(task: Task) -> Ended:
        if task.name.endswith("/look"):
            return Ended(task=task, value={**plan(3.0), "shape": str(day / "bca"["012".index(task.name[0])])})
        if task.name.endswith("/shape"):
            return Ended(task=task, error="the take itself has no shape")
        return Ended(task=task, value=STAGE_VALUE)

    assert set(states(run(day, PlayedExecutor(2, answer))).values()) == {"failed"}


def test_all_that_is_said_to_programs_is_json(stages: BatchStages, day: Path) -> None:
    said = json.loads(json.dumps(results(run(day))))
    assert said["sessions"][str(day / "a")]["stages"]["masks"]["figures"] == {"number": 1}
    stages_s = [stage["seconds"] for one in said["sessions"].values() for stage in one["stages"].values()]
    assert said["stage_seconds"] == pytest.approx(sum(stages_s), abs=1e-3)  # rounded to it


def test_pieces_cover_every_instant_once() -> None:
    for instants in (2, 7, 60, 61):
        for each in (1, 3, 10, 100):
            covered = [number for first, last in even_pieces(instants, each) for number in range(first, last)]
            assert covered == list(range(instants))


def test_the_time_left_is_bound_by_the_longest_and_by_all_and_learns(tmp_path: Path) -> None:
    found = find_sessions([str(tmp_path)])[0]

    def work(*seconds: int) -> Work:
        return Work(number=0, found=found, steps=[Step(name=str(n), seconds=float(s)) for n, s in enumerate(seconds)])

    assert time_left_s([work(10, 20), work(6)], slots=1) == 36
    assert time_left_s([work(10, 20), work(6)], slots=8) == 30
    halfway = work(10, 20)
    halfway.steps[0].done, halfway.steps[0].took_s = True, 5.0
    assert time_left_s([halfway], slots=1) == 10  # twice as fast as expected
