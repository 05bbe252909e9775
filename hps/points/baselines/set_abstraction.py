"""Layers of PointNet++: features of neighbourhoods, and their way back to the points."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from hps.points.network.neighbourhoods import squared_distances, taken

NEAR = 5.0
"""Scale of places within a neighbourhood, 1/m: they are some 0.2 m wide."""


def shared_layers(*widths: int) -> nn.Sequential:
    """Linear, norm, ReLU for each pair of widths; every point passes through the same.

    PointNet++ has batch norm. Layer norm does as well here and knows nothing of the rest of the batch, so that a cloud
    alone gets the same answer as one of many.
    """
    layers: list[nn.Module] = []
    for first, second in pairwise(widths):
        layers += [nn.Linear(first, second), nn.LayerNorm(second), nn.ReLU()]
    return nn.Sequential(*layers)


class SetAbstraction(nn.Module):
    """Points round each centre, through shared layers, and their maximum (Qi et al., PointNet++, NeurIPS 2017).

    The norm comes once, after the maximum, and only the first layer and the norm have a bias: for every neighbour
    they would cost as much as the layers themselves.
    """

    def __init__(self, features: int, widths: tuple[int, ...], neighbours: int) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.own = nn.Linear(features, widths[0])
        self.relative = nn.Linear(3, widths[0], bias=False)
        layers: list[nn.Module] = []
        for first, second in pairwise(widths):
            layers += [nn.ReLU(), nn.Linear(first, second, bias=False)]
        self.layers = nn.Sequential(*layers)
        self.norm = nn.Sequential(nn.LayerNorm(widths[-1]), nn.ReLU())

    def forward(
        self,
        points: Float[Tensor, "batch points 3"],
        features: Float[Tensor, "batch points features"],
        centers: Int64[Tensor, "batch centers"],
    ) -> Float[Tensor, "batch centers width"]:
        """Features of the neighbourhoods of some of the points: the nearest ones, which a ball query comes to where
        points are even. The first layer sees features and place relative to the centre; it is applied to each once.
        """
        places = taken(points, centers)
        count = min(self.neighbours, points.shape[1])
        near = squared_distances(places, points).topk(count, largest=False).indices
        offset = NEAR * (taken(points, near) - places[:, :, None])
        return self.norm(self.layers(taken(self.own(features), near) + self.relative(offset)).amax(2))


def spread_back(
    to: Float[Tensor, "batch points 3"],
    centers: Float[Tensor, "batch centers 3"],
    features: Float[Tensor, "batch centers width"],
) -> Float[Tensor, "batch points width"]:
    """Features of the three nearest centres, weighted by inverse squared distance (PointNet++, equation 2)."""
    with torch.no_grad():
        gap, nearest = squared_distances(to, centers).topk(3, largest=False)
        weight = 1 / (gap.clamp_min(0) + 1e-6)
        weight = weight / weight.sum(-1, keepdim=True)
    return (taken(features, nearest) * weight[..., None].to(features.dtype)).sum(2)
