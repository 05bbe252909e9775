"""The landmark network: what its output does not depend on, and that it can learn."""

import pytest
import torch

from hps.points.cloud_batch import CloudBatch
from hps.points.landmarks import LANDMARK_COUNT
from hps.points.network.config import SIZES, NetworkConfig
from hps.points.network.landmark_network import LandmarkNetwork
from hps.points.training.losses import landmark_losses

TINY = NetworkConfig(points=96, tokens=12, neighbours=8, width=32, heads=2, layers=1, rounds=2)


def _network(config: NetworkConfig = TINY) -> LandmarkNetwork:
    torch.manual_seed(0)
    return LandmarkNetwork(config).eval()


def _clouds(count: int, points: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    places = 0.4 * torch.randn(count, points, 3, generator=generator)
    return places, torch.nn.functional.normalize(torch.randn(count, points, 3, generator=generator), dim=-1)


def test_shapes_of_any_number_of_points():
    network = _network()
    for points in (60, 200):
        found = network(*_clouds(2, points))
        assert found.position.shape == (2, LANDMARK_COUNT, 3)
        assert found.part_logits.shape == (2, points, 25)
        assert found.skin_offset.shape == (2, points, 3)


def test_a_cloud_is_seen_alone():
    network, (points, rays) = _network(), _clouds(3, 96)
    together, alone = network(points, rays), network(points[1:2], rays[1:2])
    assert torch.allclose(together.position[1], alone.position[0], atol=1e-5)  # rounding of products of matrices
    assert torch.allclose(together.part_logits[1], alone.part_logits[0], atol=1e-4)


def test_the_order_of_points_does_not_matter():
    network, (points, rays) = _network(), _clouds(1, 96)
    order = torch.cat([torch.zeros(1, dtype=torch.int64), 1 + torch.randperm(95)])  # the first point begins the centres
    plain, turned = network(points, rays), network(points[:, order], rays[:, order])
    assert torch.allclose(plain.position, turned.position, atol=1e-5)
    assert torch.allclose(plain.part_logits[:, order], turned.part_logits, atol=1e-4)


def test_far_points_change_little():
    """A wall behind the person is among the points, but no neighbourhood is of it."""
    network, (points, rays) = _network(), _clouds(1, 96)
    walled = torch.cat([points, torch.full((1, 5, 3), 4.0)], 1)
    more = network(walled, torch.cat([rays, rays[:, :5]], 1))
    assert torch.allclose(network(points, rays).position, more.position, atol=1e-5)


@pytest.mark.slow
def test_it_learns_where_landmarks_are_and_how_sure_it_is():
    """Clouds that are their landmarks with noise: error falls to a third, and sigma comes to meet it."""
    network = _network().train()
    generator = torch.Generator().manual_seed(2)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    shape = 0.3 * torch.randn(LANDMARK_COUNT, 3, generator=generator)

    def drawn(count: int) -> CloudBatch:
        center = 0.2 * torch.randn(count, 1, 3, generator=generator)
        landmarks = shape + center
        points = landmarks + 0.01 * torch.randn(landmarks.shape, generator=generator)
        return CloudBatch(
            points=points,
            rays=torch.zeros_like(points),
            keep=torch.ones(points.shape[:2], dtype=torch.bool),
            part=torch.full(points.shape[:2], 3),
            skin_offset=torch.zeros_like(points),
            landmarks=landmarks,
            rotations=torch.eye(3).expand(count, 24, 3, 3),
            betas=torch.zeros(count, 10),
            child=torch.zeros(count),
            transl=center[:, 0],
            exact=torch.ones(count, dtype=torch.bool),
        )

    def error(batch: CloudBatch) -> tuple[float, float]:
        with torch.no_grad():
            found = network(batch.points, batch.rays)
        gap = found.position - batch.landmarks
        return float(gap.norm(dim=-1).mean()), float((gap / found.log_sigma.exp()[..., None]).square().mean())

    test = drawn(64)
    before, _ = error(test)
    for _ in range(100):
        batch = drawn(8)
        losses = landmark_losses(network(batch.points, batch.rays), batch).losses
        total = torch.stack(list(losses.values())).sum()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    after, squares = error(test)
    assert after < before / 3
    assert 0.2 < squares < 5  # of errors over sigma, 1 where sigma is right


@pytest.mark.parametrize(("size", "millions"), [("S", 1.5), ("M", 4.5), ("L", 10.0)])
def test_sizes_fit_into_thirty_megabytes(size: str, millions: float):
    count = sum(p.numel() for p in LandmarkNetwork(SIZES[size]).parameters())  # type: ignore[index]
    assert count < 1e6 * millions
    assert (2 if size == "L" else 4) * count < 30e6  # L is published in 16 bits
