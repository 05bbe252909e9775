"""Two ways to make clouds: told apart when they differ in noise or holes, not when they are the same."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from hps.errors import HpsError
from hps.synthesis.telling_apart import classifiers
from hps.synthesis.telling_apart.classifiers import Kind, trained
from hps.synthesis.telling_apart.cloud_statistics import cloud_statistics
from hps.synthesis.telling_apart.seen_cloud import SeenCloud
from hps.synthesis.telling_apart.verdict import features, tell_apart

FOCAL = 500.0


def sheet(rng: np.random.Generator, group: str, noise_mm: float = 2.0, lost: float = 0.02) -> SeenCloud:
    """A leaning sheet in a noisy depth camera."""
    rows, columns = np.mgrid[100:122, 200:218].reshape(2, -1)
    z = 2.0 + rng.uniform(-0.5, 0.5) + 0.002 * (rows - 110) + 1e-3 * noise_mm * rng.standard_normal(len(rows))
    z = np.rint(1000 * z) / 1000
    kept = rng.random(len(z)) >= lost
    points = np.stack([(columns - 320) / FOCAL * z, (rows - 240) / FOCAL * z, z], -1)[kept]
    return SeenCloud(points=points.astype(np.float32), pixels=np.stack([rows, columns], 1)[kept], group=group)


@cache
def some(seed: int, noise_mm: float = 2.0, lost: float = 0.02, people: int = 10) -> tuple[SeenCloud, ...]:
    rng = np.random.default_rng(seed)
    return tuple(sheet(rng, f"person{n % people}", noise_mm, lost) for n in range(2 * people))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """These sheets are easier than people."""
    monkeypatch.setattr(classifiers, "STEPS", dict.fromkeys(classifiers.STEPS, 60))
    monkeypatch.setattr(classifiers, "RATE", dict.fromkeys(classifiers.RATE, 0.02))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logistic", "mlp", "pointnet"])
def test_another_noise_is_told_apart(kind: Kind) -> None:
    verdict = tell_apart(some(0), some(1, noise_mm=5.0), kind)
    assert verdict.accuracy >= 0.95
    assert verdict.low <= verdict.accuracy <= verdict.high
    assert (verdict.clouds, verdict.groups) == (40, 10)


def test_holes_are_told_apart_and_the_same_way_is_not() -> None:
    told = tell_apart(some(0), some(1, lost=0.15), "logistic")
    assert told.low <= told.accuracy <= told.high
    assert (told.clouds, told.groups) == (40, 10)
    assert told.accuracy >= 0.95
    same = tell_apart(some(0), some(1), "logistic")
    # 40 tosses of a coin: three deviations are 0.24
    assert abs(same.accuracy - 0.5) < 0.25


def test_the_same_seed_gives_the_same_verdict_and_leaves_torch_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = (tell_apart(some(0, people=5), some(1, people=5), "logistic", seed=3) for _ in range(2))
    assert first == second
    assert torch.equal(torch.rand(1), expected)


def test_no_person_is_in_training_and_test() -> None:
    """Who knows people by heart is right about half of two equal clouds."""
    rows = np.eye(20, dtype=np.float32)
    second = np.arange(20) % 2 == 0
    assert (trained("logistic", rows, second, 0)(rows) == second).all()
    clouds = some(0, people=5)
    alone = tell_apart(clouds, [SeenCloud(points=c.points, pixels=c.pixels, group=c.group) for c in clouds], "logistic")
    assert alone.accuracy == 0.5  # the same cloud on both sides: one of two answers is wrong


def test_statistics_say_nothing_of_where_the_sheet_is() -> None:
    rng = np.random.default_rng(0)
    cloud = sheet(rng, "a")
    moved = SeenCloud(points=cloud.points, pixels=cloud.pixels + 57, group="a")
    assert np.array_equal(cloud_statistics(cloud), cloud_statistics(moved))
    assert np.isfinite(features([cloud], "pointnet")).all()


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(HpsError, match="give more people"):
        tell_apart(some(0, people=3), some(1, people=3), "logistic")
    with pytest.raises(HpsError, match="of one way alone"):
        tell_apart(some(0), some(1, people=9), "logistic")
    with pytest.raises(HpsError, match="not finite"):
        SeenCloud(points=np.full((3, 3), np.nan, np.float32), pixels=np.zeros((3, 2), int), group="a")
    with pytest.raises(HpsError, match="statistics need"):
        cloud_statistics(SeenCloud(points=np.ones((3, 3), np.float32), pixels=np.eye(3, 2, dtype=int), group="a"))
