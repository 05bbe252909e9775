"""Costs: known ones are found again from measurements, the shipped table explains its own rows, sizes of sessions."""

from dataclasses import replace

import numpy as np
import pytest

from humanrig.costs.model import (
    FEATURES,
    HELD_BYTES,
    MEASURED,
    SECONDS,
    Cost,
    CostModel,
    Row,
    expected,
    read_rows,
    shipped,
)
from humanrig.costs.size import Size
from humanrig.errors import HumanrigError
from humanrig.pipeline import STAGES

KINECTS = Size(
    instants=300,
    depth_streams=10,
    color_streams=10,
    depth_pixels=10 * 640 * 576,
    color_pixels=10 * 1280 * 720,
    recorded_bytes=10**9,
)


def varied(rng: np.random.Generator) -> Size:
    cameras = int(rng.integers(1, 11))
    return Size(
        instants=int(rng.integers(4, 60)),
        depth_streams=cameras,
        color_streams=cameras + int(rng.integers(0, 3)),
        alone_streams=0,
        depth_pixels=cameras * 640 * 576,
        color_pixels=cameras * int(rng.choice([1280 * 720, 1920 * 1080])),
        people=int(rng.integers(1, 4)),
    )


def test_the_weights_that_made_the_measurements_are_found() -> None:
    rng = np.random.default_rng(0)
    true = {stage: rng.uniform(0.1, 2.0, len(terms)) for stage, terms in SECONDS.items()}
    rows = []
    for size in (varied(rng) for _ in range(12)):
        for stage, terms in SECONDS.items():
            seconds = sum(w * FEATURES[t](size) for w, t in zip(true[stage], terms))
            rows.append(
                Row(take="", stage=stage, size=size, cost=Cost(seconds=seconds, memory_bytes=10**8, disk_bytes=10**6))
            )
    model = CostModel.fit(rows)
    new = varied(rng)
    for stage, terms in SECONDS.items():
        seconds = sum(w * FEATURES[t](new) for w, t in zip(true[stage], terms))
        assert model.expected(stage, new).seconds == pytest.approx(seconds, rel=1e-6), stage
        held = HELD_BYTES.get(stage, 0) * new.instants * new.people
        assert model.expected(stage, new).memory_bytes == pytest.approx(10**8 + held, rel=0.05), stage


def test_more_to_do_never_costs_less() -> None:
    more = ("instants", "people", "color_pixels", "depth_pixels")
    for stage in STAGES:
        small = expected(stage, KINECTS)
        for name in more:
            large = expected(stage, replace(KINECTS, **{name: 2 * getattr(KINECTS, name)}))
            assert large.seconds >= small.seconds, (stage, name)
            assert large.memory_bytes >= small.memory_bytes, (stage, name)
            assert large.disk_bytes >= small.disk_bytes, (stage, name)


def test_the_shipped_table_explains_what_was_measured() -> None:
    """Seconds within 70 %, on average 15 %: the terms are few, and the takes differ in what is done in them too."""
    every = read_rows(MEASURED)
    assert all(shipped().expected(row.stage, row.size).memory_bytes >= row.cost.memory_bytes - 1 for row in every)
    rows = [row for row in every if row.cost.seconds > 1]
    ratios = np.array([shipped().expected(row.stage, row.size).seconds / row.cost.seconds for row in rows])
    assert np.abs(np.log(ratios)).max() < np.log(1.7)
    assert np.abs(np.log(ratios)).mean() < np.log(1.15)


def test_every_stage_has_costs_and_no_other() -> None:
    assert tuple(SECONDS) == STAGES
    with pytest.raises(HumanrigError, match="no costs of a stage 'masts'"):
        expected("masts", KINECTS)


def test_a_table_that_is_none_is_named(tmp_path) -> None:
    path = tmp_path / "measured.json"
    with pytest.raises(HumanrigError, match="is no table of costs"):
        read_rows(path)
    path.write_text('{"rows": [{"stage": "sync"}]}')
    with pytest.raises(HumanrigError, match="is no table of costs"):
        read_rows(path)
    with pytest.raises(HumanrigError, match="no row of the stage sync"):
        CostModel.fit([])


def test_a_take_that_the_table_has_not_seen_is_foretold() -> None:
    """Each take in turn: all its stages together within a factor of 1.6 (docs/plan.md has the figures)."""
    rows = read_rows(MEASURED)
    takes = {row.take for row in rows}
    assert len(takes) >= 5
    for take in takes:
        model = CostModel.fit(row for row in rows if row.take != take)
        mine = [row for row in rows if row.take == take]
        foretold = sum(model.expected(row.stage, row.size).seconds for row in mine)
        assert 1 / 1.6 < foretold / sum(row.cost.seconds for row in mine) < 1.6, take
