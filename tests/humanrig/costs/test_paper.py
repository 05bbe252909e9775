"""Very many sequences on paper: sums, floors under the time, and the picture."""

from dataclasses import replace

import cv2
import pytest

from humanrig.costs.model import expected, shipped
from humanrig.costs.paper import Prices, on_paper, usual_size
from humanrig.costs.picture import write_picture
from humanrig.pipeline import STAGES

SIZE = usual_size(150)
PRICES = Prices()


def test_a_usual_take_has_the_bytes_of_real_kinects() -> None:
    """Ten devices at 720p: 217 kB of colour and 120 kB of depth each."""
    assert usual_size(1, color=(1280, 720)).recorded_bytes == pytest.approx(10 * (217_095 + 120_000), rel=1e-6)


def test_sums_are_those_of_the_single_sequences() -> None:
    paper = on_paper(shipped(), SIZE, 1000, [1, 8], PRICES)
    assert [total.stage for total in paper.stages] == list(STAGES)
    for total in paper.stages:
        assert total.core_hours == pytest.approx(1000 * expected(total.stage, SIZE).seconds / 3600)
        assert total.euros == pytest.approx(total.core_hours * PRICES.euros_per_core_hour)
        assert total.moved_terabytes >= total.terabytes
    work = sum(total.core_hours for total in paper.stages)
    assert paper.speeds[0].hours == pytest.approx(work)  # one worker does everything
    assert paper.speeds[0].efficiency == pytest.approx(1)
    assert paper.recorded_terabytes == pytest.approx(1000 * SIZE.recorded_bytes / 1e12)


def test_more_workers_help_until_something_else_limits() -> None:
    workers = [1, 10, 100, 1000, 100_000]
    paper = on_paper(shipped(), SIZE, 1000, workers, replace(PRICES, shared_gb_per_s=1e3, tasks_per_s=1e3))
    hours = [speed.hours for speed in paper.speeds]
    assert hours == sorted(hours, reverse=True)
    assert hours[-1] == pytest.approx(paper.longest_hours)
    assert paper.speeds[0].limit == "workers"
    assert paper.speeds[-1].limit == "longest sequence"
    assert all(0 < speed.efficiency <= 1 + 1e-9 for speed in paper.speeds)
    slow = on_paper(shipped(), SIZE, 1000, workers, replace(PRICES, shared_gb_per_s=0.01)).speeds[-1]
    assert slow.limit == "shared folder"
    moved = sum(total.moved_terabytes for total in paper.stages)
    assert slow.hours == pytest.approx(moved * 1e12 / 0.01e9 / 3600)
    busy = on_paper(shipped(), SIZE, 1000, workers, replace(PRICES, tasks_per_s=0.01)).speeds[-1]
    assert busy.limit == "scheduler"
    assert busy.hours == pytest.approx(1000 * len(STAGES) / 0.01 / 3600)


def test_the_picture_is_drawn(tmp_path) -> None:
    path = tmp_path / "plan.png"
    write_picture(on_paper(shipped(), SIZE, 1000, [1, 10, 100, 1000], PRICES), path)
    image = cv2.imread(str(path))
    assert image is not None
    assert image.shape == (560, 1280, 3)
    assert (image != 255).any(-1).mean() > 0.03  # neither empty
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plan.png"]
