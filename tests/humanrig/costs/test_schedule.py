"""The simulated batch: orders, bounds that every schedule keeps, cut steps and memory."""

from itertools import pairwise

import numpy as np
import pytest

from humanrig.costs.schedule import Run, Step, Timeline, simulated


def chain(*seconds: float, **more) -> list[Step]:
    return [Step(stage=f"s{n}", seconds=float(s), **more) for n, s in enumerate(seconds)]


def most_at_once(timeline: Timeline, weight=lambda run: 1) -> float:
    ends = [(run.begin_s, weight(run)) for run in timeline.runs] + [(run.end_s, -weight(run)) for run in timeline.runs]
    running = most = 0.0
    for _, change in sorted(ends, key=lambda end: (end[0], end[1])):
        running += change
        most = max(most, running)
    return most


def test_one_worker_does_everything_one_after_the_other() -> None:
    timeline = simulated([chain(1, 2), chain(4), chain()], 1)
    assert timeline.seconds == 7
    assert timeline.efficiency == 1
    assert timeline.tail_s == 0
    assert timeline.by_stage == {"s0": 5, "s1": 2}


def test_the_longest_session_goes_first_and_the_tail_shows() -> None:
    timeline = simulated([chain(1), chain(1), chain(3)], 2)
    assert timeline.seconds == 3
    assert timeline.runs[0] == Run(session=2, stage="s0", worker=1, begin_s=0.0, end_s=3.0)
    assert timeline.tail_s == pytest.approx(1)
    assert simulated([chain(5)], 3).tail_s == 5  # two workers never had anything to do


@pytest.mark.parametrize("workers", [1, 2, 5, 40])
def test_every_schedule_keeps_the_bounds_of_list_scheduling(workers: int) -> None:
    """Graham 1966: at most work/N + longest chain; never less than either of the two."""
    rng = np.random.default_rng(workers)
    sessions = [chain(*rng.uniform(0.1, 9, rng.integers(1, 7))) for _ in range(23)]
    work = sum(step.seconds for some in sessions for step in some)
    longest = max(sum(step.seconds for step in some) for some in sessions)
    timeline = simulated(sessions, workers)
    assert timeline.work_s == pytest.approx(work)
    assert max(work / workers, longest) - 1e-9 <= timeline.seconds <= work / workers + longest
    assert most_at_once(timeline) <= workers
    for n, some in enumerate(sessions):  # in order, none at the same time
        mine = [run for run in timeline.runs if run.session == n]
        assert [run.stage for run in mine] == [step.stage for step in some]
        assert all(a.end_s <= b.begin_s for a, b in pairwise(mine))


def test_a_step_is_cut_only_where_workers_are_idle() -> None:
    step = Step(stage="clouds", seconds=10.0, pieces=9, rest_s=1.0)
    alone = simulated([[step]], 3)
    assert alone.seconds == pytest.approx(3 + 1)
    assert alone.work_s == pytest.approx(10)
    assert simulated([[step]], 1).seconds == 10
    many = simulated([[step]] * 3, 3)
    assert many.seconds == 10
    assert len(many.runs) == 3


def test_memory_bounds_what_runs_at_once() -> None:
    sessions = [chain(1, 1, memory_bytes=4) for _ in range(6)] + [chain(1, memory_bytes=99)]
    timeline = simulated(sessions, 6, memory_bytes=10)
    held = most_at_once(timeline, weight=lambda run: 4 if run.session < 6 else 0)
    assert held <= 10
    assert timeline.memory_bytes == 99
    assert simulated(sessions[:6], 6, memory_bytes=10).memory_bytes == held == 8
    cut = simulated([[Step(stage="clouds", seconds=10.0, pieces=9, rest_s=1.0, memory_bytes=5)]], 3)
    assert cut.memory_bytes == 15  # one session, three tasks
    huge = next(run for run in timeline.runs if run.session == 6)
    others = [run for run in timeline.runs if run.session < 6]
    assert len(others) == 12
    assert not any(run.begin_s < huge.end_s and huge.begin_s < run.end_s for run in others)
