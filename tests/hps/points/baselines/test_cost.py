"""Parameters and operations of a network."""

import torch
from torch import nn

from hps.points.baselines.cost import network_cost
from hps.points.baselines.direct_network import DirectNetwork
from hps.points.baselines.voting_network import VotingNetwork


class _EachPoint(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 10)

    def forward(self, points, rays):
        return self.layer(torch.cat([points, rays], -1))


def test_a_linear_layer_costs_two_operations_an_entry_and_point():
    cost = network_cost(_EachPoint(), 500)
    assert cost.parameters == 6 * 10 + 10
    assert cost.gflop == 2 * 6 * 10 * 500 / 1e9


def test_the_networks_are_of_the_size_of_the_smallest_estimator():
    for network in (DirectNetwork(), VotingNetwork()):
        cost = network_cost(network, 1024)
        assert 0.8e6 < cost.parameters < 1.3e6
        assert 0.2 < cost.gflop < 0.4
