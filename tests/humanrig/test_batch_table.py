"""What a batch shows while it runs and when it ends: every session, in the width there is, and nothing a name smuggles
in."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from played_executor import PlayedExecutor
from rich.console import Console

from humanrig.batch import lines
from humanrig.batch.asking import Asked
from humanrig.batch.finding import Found
from humanrig.batch.lines import duration, plain, speed_of, totals
from humanrig.batch.scheduler import Batch
from humanrig.batch.summary import LOOK_AT, summary
from humanrig.batch.table import shown, table
from humanrig.batch.work import Step, Work


def batch_of(states: dict[str, str]) -> Batch:
    batch = Batch(PlayedExecutor(2), [Found(name=name, session=name) for name in states], Asked(), lambda _: None)
    for work, state in zip(batch.works, states.values()):
        work.state = state  # pyright: ignore[reportAttributeAccessIssue]
        work.steps = [Step(name="sync", done=True, took_s=2.0, seconds=2.0), Step(name="masks", seconds=30.0)]
        if state == "failed":
            work.error, work.error_step = "the disk is full", "masks"
        if state == "done":
            work.verdict = {"word": "look", "score": 0.5, "line": "look: camera kinect_003 has moved", "reasons": []}
    return batch


def running(batch: Batch, done: int, total: int, instants: int, seconds_ago: float) -> Work:
    work = batch.works[0]
    work.running, work.progress, work.instants = "masks", (done, total), instants
    work.since = lines.time.monotonic() - seconds_ago
    return work


def drawn(batch: Batch, rows: int, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(table(batch, rows, width))
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    return text.rstrip("\n").split("\n")


def test_the_table_shows_stage_speed_and_time_left() -> None:
    batch = batch_of({"walk": "running", "run": "failed", "jump": "done", "kick": "waiting"})
    running(batch, 15, 60, 300, seconds_ago=10.0)
    row = next(line for line in drawn(batch, 9) if line.startswith("walk"))
    # a quarter of 300 instants in 10 s, and so 30 s more
    assert [word in row for word in ("masks", "1/2", "25 %", "7.5 instants/s", "30 s")] == [True] * 5
    text = "\n".join(drawn(batch, 9))
    assert "failed" in text
    assert "at masks: the disk is full" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_table_keeps_to_the_lines_and_the_width_that_there_are(width: int) -> None:
    batch = batch_of({f"a take with a long name {n}": "running" for n in range(300)})
    shown_lines = drawn(batch, rows=10, width=width)
    assert len(shown_lines) == 1 + 10 + 1
    assert max(map(len, shown_lines)) <= width
    assert "and 290 more" in shown_lines[-1]


def test_a_speed_is_said_when_it_is_known() -> None:
    batch = batch_of({"walk": "running"})
    assert speed_of(running(batch, 30, 60, 100, seconds_ago=10.0)) == pytest.approx(5.0, rel=0.01)
    assert speed_of(running(batch, 30, 60, 100, seconds_ago=0.1)) is None
    assert speed_of(running(batch, 0, 60, 100, seconds_ago=10.0)) is None


def test_totals_count_every_session() -> None:
    said = totals(batch_of({"a": "done", "b": "failed", "c": "running", "d": "waiting", "e": "left out"}))
    assert said.startswith("1 of 4 sessions done, 1 failed, 1 running, 1 waiting, 1 left out, 0 s passed, about 30 s")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (89.0, "89 s"), (90.0, "2 min"), (5300.0, "88 min"), (11100.0, "3 h 05 min")]
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_names_and_errors_cannot_move_the_cursor() -> None:
    evil = "\x1b[2Jwalk\r\n\x07[red]x[/red]"
    batch = batch_of({evil: "failed"})
    batch.works[0].error = evil
    everything = "".join([*drawn(batch, 5), *summary(batch), plain(evil)])
    assert not set(everything) & set("\x1b\r\x07")
    assert "[red]x" in "".join(drawn(batch, 5))  # and markup is text


def test_the_summary_names_the_worst_first_and_every_failure() -> None:
    batch = batch_of({f"take{n}": "done" for n in range(LOOK_AT + 3)} | {"burnt": "failed", "sound": "done"})
    for number, work in enumerate(batch.works):
        if work.verdict:
            work.verdict["score"] = 0.4 - 0.01 * number
    assert batch.works[-1].verdict
    batch.works[-1].verdict |= {"word": "good", "score": 0.9}
    said = list(summary(batch))
    first = said.index("look at these first:")
    assert f"take{LOOK_AT + 2}" in said[first + 1]
    assert "and 3 more" in said[first + LOOK_AT + 1]
    assert any("burnt at masks: the disk is full" in line for line in said)
    assert f"{LOOK_AT + 4} done (1 to trust, {LOOK_AT + 3} to look at), 1 failed" in said[-1]


def test_without_a_terminal_each_end_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    batch = batch_of({"walk": "done", "run": "failed"})
    batch.deaths.append("walk, masks: signal 9 (SIGKILL)")
    with shown(Console(file=io.StringIO())) as watch:
        for _ in range(3):
            watch(batch)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(set(said)) == 5  # a death, two stages, two ends
    assert "walk: done: look: camera kinect_003 has moved" in said


def test_on_a_terminal_the_table_is_drawn_in_place() -> None:
    out = io.StringIO()
    with shown(Console(file=out, force_terminal=True, width=100, height=20)) as watch:
        watch(batch_of({"walk": "running"}))
    assert "walk" in out.getvalue()
