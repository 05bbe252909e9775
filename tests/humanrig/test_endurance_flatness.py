"""Whether memory and time along a stage are judged as they were made: flat, growing, slowing down."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.endurance.flatness import FEWEST, StageRecord, phases

STEPS = 200


def recorded(*, kb_per_step: float = 0.0, slowing: float = 1.0, passes: int = 1) -> StageRecord:
    """A stage of steps of 10 ms that starts at 500 MB; the last quarter of each pass is `slowing` times slower."""
    record, cpu = StageRecord("made up"), 0.0
    for k in range(passes):
        for n in range(STEPS):
            cpu += 0.01 * (slowing if n >= 0.75 * STEPS else 1.0)
            record.done.append(k * STEPS + n + 1)
            record.total.append(passes * STEPS)
            record.cpu_s.append(cpu)
            record.rss_mb.append(500 + kb_per_step * (k * STEPS + n) / 1000)
            record.wall_s.append(cpu)
    return record


@pytest.mark.parametrize(("kb", "slowing"), [(0.0, 1.0), (150.0, 1.0), (0.0, 1.5), (150.0, 1.5)])
def test_growth_and_slowing_are_found_as_they_were_made(kb: float, slowing: float) -> None:
    (found,) = phases(recorded(kb_per_step=kb, slowing=slowing), STEPS)
    assert found.steps == STEPS
    assert found.kb_per_step == pytest.approx(kb, abs=1e-6)
    assert found.early_ms == pytest.approx(10.0)
    assert found.slowing == pytest.approx(slowing, rel=0.02)  # the first of the late steps is counted half


def test_every_pass_over_the_take_is_looked_at_for_itself() -> None:
    found = phases(recorded(kb_per_step=10.0, passes=3), STEPS)
    assert [row.phase for row in found] == [0, 1, 2]
    np.testing.assert_allclose([row.kb_per_step for row in found], 10.0)


def test_what_is_loaded_at_the_beginning_is_no_growth() -> None:
    record = recorded()
    for n in range(STEPS // 8, STEPS):
        record.rss_mb[n] += 300
    (found,) = phases(record, STEPS)
    assert found.kb_per_step == pytest.approx(0.0, abs=1e-6)
    assert found.last_mb - found.first_mb == pytest.approx(300)


def test_too_few_steps_are_not_judged() -> None:
    record = StageRecord("made up", *([[1.0] * (FEWEST - 1)] * 5))  # type: ignore[list-item]
    record.done = list(range(1, FEWEST))
    assert phases(record, STEPS) == []
