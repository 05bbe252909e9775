"""What came of a batch: which sessions to look at first and why, what failed, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from humanrig.batch.lines import duration, plain
from humanrig.batch.scheduler import Batch
from humanrig.batch.work import Work

LOOK_AT = 10
"""So many sessions are named; the index page sorts them all."""


def summary(batch: Batch) -> Iterator[str]:
    """Lines for people."""
    works = batch.works
    done = [work for work in works if work.state == "done"]
    doubtful = sorted((work for work in done if _word(work) != "good"), key=_score)
    failed = [work for work in works if work.state == "failed"]
    for work in (work for work in works if work.state == "left out"):
        yield f"left out: {plain(work.found.name)}, {plain(work.found.left_out)}"
    if doubtful:
        yield "look at these first:"
        for work in doubtful[:LOOK_AT]:
            assert work.verdict is not None
            yield f"  {work.verdict['score']:.2f}  {plain(work.found.name)}: {plain(work.verdict['line'])}"
        if len(doubtful) > LOOK_AT:
            yield f"  and {len(doubtful) - LOOK_AT} more; --index FOLDER makes a page of all, sorted by trust"
    if failed:
        yield "failed:"
        for work in failed:
            at = f" at {work.error_step}" if work.error_step else ""
            yield f"  {plain(work.found.name)}{at}: {plain(work.error)}"
    good = len(done) - len(doubtful)
    took = time.monotonic() - batch.begun
    yield (
        f"{len(done)} done ({good} to trust, {len(doubtful)} to look at), {len(failed)} failed, in {duration(took)}; "
        f"{_stage_seconds(batch):.0f} s of stages"
        + (f"; {_plural(len(batch.deaths))} died, only their tasks were done again" if batch.deaths else "")
    )


def results(batch: Batch) -> dict[str, Any]:
    """The same for programs, with every figure: by session, as it was named."""
    return {
        "seconds": round(time.monotonic() - batch.begun, 3),
        "stage_seconds": round(_stage_seconds(batch), 3),
        "deaths": batch.deaths,
        "sessions": {work.found.name: _result(work) for work in batch.works},
    }


def _result(work: Work) -> dict[str, Any]:
    return {
        "state": work.state,
        "left_out": work.found.left_out,
        "stage": work.error_step,
        "error": work.error,
        "trouble": work.trouble,
        "verdict": work.verdict,
        "stages": {
            step.name: {
                "seconds": step.took_s,
                "task_seconds": step.task_s,
                "skipped": step.skipped,
                "deaths": step.deaths,
                "figures": step.figures,
            }
            for step in work.stages
            if step.done
        },
    }


def _stage_seconds(batch: Batch) -> float:
    return sum(step.took_s for work in batch.works for step in work.stages)


def _word(work: Work) -> str:
    return work.verdict["word"] if work.verdict else "unfinished"


def _score(work: Work) -> float:
    return work.verdict["score"] if work.verdict else 0.0


def _plural(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"
