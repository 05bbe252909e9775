"""What a network costs: its parameters, and the operations of one cloud."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkCost:
    """Of one forward pass over one cloud."""

    parameters: int
    gflop: float
    """10⁹ floating-point operations of products of matrices, a multiply-add counted as two; what choosing points and
    neighbours takes is not in it."""


def network_cost(network: nn.Module, points: int) -> NetworkCost:
    """Cost of a network that takes points and rays (1, points, 3), as torch counts it."""
    generator = torch.Generator().manual_seed(0)
    device = next(network.parameters()).device
    cloud = torch.randn(1, points, 3, generator=generator).to(device)
    counter = FlopCounterMode(display=False)
    with counter:
        network(cloud, torch.zeros_like(cloud))
    return NetworkCost(
        parameters=sum(each.numel() for each in network.parameters()), gflop=counter.get_total_flops() / 1e9
    )
