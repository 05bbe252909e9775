"""Even choice of points."""

import numpy as np
import torch

from hps.points.network.neighbourhoods import (
    REACH_M,
    farthest_in_torch,
    farthest_points,
    nearest,
    nearest_in_torch,
    squared_distances,
    taken,
)


def _plain_farthest(points: np.ndarray, count: int) -> list[int]:
    """Farthest point sampling as its definition says it."""
    chosen = [0]
    while len(chosen) < count:
        gaps = np.linalg.norm(points[:, None] - points[chosen], axis=-1).min(1)
        gaps[np.linalg.norm(points, axis=1) > REACH_M] = -1
        chosen.append(int(gaps.argmax()))
    return chosen


def test_farthest_points_are_those_of_the_definition():
    points = np.random.default_rng(0).normal(0, 0.5, (3, 80, 3))
    found = farthest_points(torch.tensor(points), 20)
    for cloud, mine in zip(points, found.tolist()):
        assert mine == _plain_farthest(cloud, 20)


def test_points_out_of_reach_are_never_centres():
    points = torch.randn(2, 200, 3, generator=torch.Generator().manual_seed(1)) * 0.4
    points[:, 50:60] += 5.0
    found = farthest_points(points, 64)
    assert not ((found >= 50) & (found < 60)).any()


def test_compiled_loops_find_what_torch_finds():
    points = torch.randn(3, 300, 3, generator=torch.Generator().manual_seed(2)) * 0.5
    points[1, 100:] = points[1, :1]  # fewer different points than are asked for
    assert torch.equal(farthest_points(points, 50)[::2], farthest_in_torch(points, 50)[::2])
    assert torch.equal(points[1, :100].unique(dim=0), taken(points, farthest_points(points, 200))[1].unique(dim=0))
    fast, plain = nearest(points[:, :20], points, 24), nearest_in_torch(points[:, :20], points, 24)
    # the twin takes differences of squares: float32 rounds them at 1e-6 m²
    assert torch.allclose(fast.squared, plain.squared, atol=4e-6)
    assert (fast.index.sort().values == plain.index.sort().values)[::2].float().mean() > 0.99
    own = (taken(points, fast.index) - points[:, :20, None]).square().sum(-1)
    assert torch.allclose(fast.squared, own, rtol=1e-5)


def test_autocast_does_not_blur_neighbours():
    points = torch.randn(2, 200, 3, generator=torch.Generator().manual_seed(3)) * 0.5 + 1.0
    exact = squared_distances(points, points)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(squared_distances(points, points), exact)


def test_distances_of_pairs():
    a, b = torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 7, 3, dtype=torch.float64)
    assert torch.allclose(squared_distances(a, b), torch.cdist(a, b) ** 2, atol=1e-12)


def test_taken_rows_are_the_rows():
    values = torch.arange(24.0).reshape(2, 4, 3)
    which = torch.tensor([[[3, 0]], [[1, 1]]])
    assert torch.equal(taken(values, which), torch.stack([values[0][which[0]], values[1][which[1]]]))
