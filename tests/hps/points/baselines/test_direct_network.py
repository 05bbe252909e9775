"""The direct network gives bodies, and learns them."""

import pytest
import torch

from hps.points.baselines.body_output import loss_skinning
from hps.points.baselines.direct_network import WEIGHTS, DirectConfig, DirectNetwork
from hps.points.canonical import STANDING

SMALL = DirectConfig(points=128, centers=32, neighbours=8, width=32, hidden=64)


def test_an_untrained_network_says_that_somebody_stands_facing_the_camera(clouds_of_bodies):
    torch.manual_seed(0)
    batch = clouds_of_bodies(points=128)
    output = DirectNetwork(SMALL)(batch.points, batch.rays)
    torch.testing.assert_close(output.rotations[:, 0], torch.tensor(STANDING).expand(4, 3, 3), atol=0.1, rtol=0)
    facing = output.rotations[:, 0] @ torch.tensor([0.0, 0.0, 1.0])
    assert (facing[:, 0] < -0.99).all()


def test_a_cloud_gets_the_same_answer_alone_and_among_others(clouds_of_bodies):
    torch.manual_seed(0)
    batch, network = clouds_of_bodies(points=128), DirectNetwork(SMALL)
    together = network(batch.points, batch.rays)
    alone = network(batch.points[2:3], batch.rays[2:3])
    torch.testing.assert_close(together.rotations[2:3], alone.rotations, atol=1e-5, rtol=0)
    torch.testing.assert_close(together.transl[2:3], alone.transl, atol=1e-5, rtol=0)


def test_it_learns_a_handful_of_bodies(open_body, clouds_of_bodies):
    torch.manual_seed(0)
    batch, network = clouds_of_bodies(clouds=8, points=128), DirectNetwork(SMALL)
    skinning = loss_skinning(open_body)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    sums = []
    for _ in range(30):
        losses = network.losses(network(batch.points, batch.rays), batch, skinning)
        assert set(losses) == set(WEIGHTS)
        optimizer.zero_grad()
        total = torch.stack([*losses.values()]).sum()
        total.backward()
        optimizer.step()
        sums.append(total.item())
    assert all(each.grad is not None for each in network.parameters())
    # measured: to 0.28 of the start
    assert sums[-1] < 0.5 * sums[0]


def test_what_a_file_says_beyond_its_fields_is_refused():
    with pytest.raises(ValueError, match="depth"):
        DirectConfig(depth=3)  # pyright: ignore[reportCallIssue]
