"""Even choice of points."""

import numpy as np
import torch

from hps.points.network.neighbourhoods import REACH_M, farthest_points, squared_distances, taken


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


def test_distances_of_pairs():
    a, b = torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 7, 3, dtype=torch.float64)
    assert torch.allclose(squared_distances(a, b), torch.cdist(a, b) ** 2, atol=1e-12)


def test_taken_rows_are_the_rows():
    values = torch.arange(24.0).reshape(2, 4, 3)
    which = torch.tensor([[[3, 0]], [[1, 1]]])
    assert torch.equal(taken(values, which), torch.stack([values[0][which[0]], values[1][which[1]]]))
