"""From a cloud to Gaussians of landmarks, and to what each point is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hps.points.landmarks import LANDMARK_COUNT
from hps.points.network.blocks import Attention, perceptron
from hps.points.network.config import NetworkConfig
from hps.points.network.largest import largest_of_neighbours
from hps.points.network.neighbourhoods import farthest_points, nearest, taken
from hps.points.network.places import PLACE_NUMBERS, place_numbers
from hps.points.part_labels import NOT_BODY

LEAST_LOG_SIGMA, MOST_LOG_SIGMA = -6.0, 1.0
"""2.5 mm and 2.7 m: outside of these a likelihood says nothing more."""
NEAR: Final = 5.0
"""Scale of places within a neighbourhood, 1/m: they are some 0.2 m wide."""
OFFSET_M: Final = 0.05
"""The same of a skin offset."""
STEP_M: Final = 0.25
"""Of what a landmark is moved in a round when the network says 1."""
PARTS: Final = NOT_BODY + 1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NetworkOutput:
    """Metres, in the frame of the input."""

    position: Float[Tensor, "batch 88 3"]
    """Of the landmarks."""
    log_sigma: Float[Tensor, "batch 88"]
    """Of their error along any one axis."""
    part_logits: Float[Tensor, "batch points 25"]
    """Of the 24 joints' skin and of what is not the body."""
    skin_offset: Float[Tensor, "batch points 3"]
    """From each point to the naked skin."""
    skin_log_sigma: Float[Tensor, "batch points"]
    earlier: tuple[tuple[Tensor, Tensor], ...] = ()
    """Position and log_sigma after each round but the last, for training."""


class LandmarkNetwork(nn.Module):
    """Neighbourhoods of points → tokens that attend to each other ← landmarks that ask them, and are placed anew.

    Points are gathered round farthest points (PointNet++, Qi et al. 2017) and embedded by a small PointNet each; tokens
    attend to each other; one query for each landmark asks them in rounds, told where it was last thought to be.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        half = width // 2
        self.point = perceptron(PLACE_NUMBERS + 3, half, half)
        self.relative = nn.Linear(3, half)
        self.gather = nn.Linear(half, width, bias=False)
        self.token = nn.Sequential(nn.LayerNorm(width), *perceptron(width, width, width))
        self.place = perceptron(PLACE_NUMBERS, width, width)
        self.encoder = nn.ModuleList(Attention(width, config.heads) for _ in range(config.layers))
        self.landmark = nn.Parameter(torch.randn(LANDMARK_COUNT, width))
        self.start = nn.Parameter(torch.zeros(LANDMARK_COUNT, 3))
        self.asking = nn.ModuleList(Attention(width, config.heads, across=True) for _ in range(config.rounds))
        self.among = nn.ModuleList(Attention(width, config.heads) for _ in range(config.rounds))
        self.placed = nn.ModuleList(_placing(width) for _ in range(config.rounds))
        self.spread = nn.Linear(width, half)
        self.each_point = nn.Sequential(nn.LayerNorm(width), *perceptron(width, half, PARTS + 4))

    def begin_at(self, landmarks: Float[Tensor, "88 3"]) -> None:
        """Before training: where landmarks are thought to be before anything is seen."""
        with torch.no_grad():
            self.start.copy_(landmarks)

    def forward(self, points: Float[Tensor, "batch points 3"], rays: Float[Tensor, "batch points 3"]) -> NetworkOutput:
        """What is seen in clouds of any number of points, at least as many as a neighbourhood has."""
        center_index = farthest_points(points, self.config.tokens)
        centers = taken(points, center_index)
        own = self.point(torch.cat([place_numbers(points), rays], -1))
        tokens = self.token(self._gathered(points, own, centers)) + self.place(place_numbers(centers))
        for block in self.encoder:
            tokens = block(tokens)
        position, queries = self.start[None], self.landmark[None]  # the same for all clouds until tokens are asked
        places: list[tuple[Tensor, Tensor]] = []
        for asking, among, placed in zip(self.asking, self.among, self.placed):
            queries = among(asking(queries, tokens, self.place(place_numbers(position.detach()))))
            step = placed(queries).float()
            position = position.detach() + STEP_M * step[..., :3]
            places.append((position, step[..., 3].clamp(LEAST_LOG_SIGMA, MOST_LOG_SIGMA)))
        each = self._of_points(points, own, centers, tokens).float()
        position, log_sigma = places[-1]
        return NetworkOutput(
            position=position,
            log_sigma=log_sigma,
            part_logits=each[..., :PARTS],
            skin_offset=OFFSET_M * each[..., PARTS : PARTS + 3],
            skin_log_sigma=each[..., PARTS + 3].clamp(LEAST_LOG_SIGMA, MOST_LOG_SIGMA),
            earlier=tuple(places[:-1]),
        )

    def _gathered(self, points: Tensor, own: Tensor, centers: Tensor) -> Float[Tensor, "batch tokens width"]:
        """The largest of what the neighbours of each centre say of themselves and of their place beside it.

        The layer of relative places is applied to points and to centres: what it says of a neighbour is the difference.
        """
        near = nearest(centers, points, self.config.neighbours).index
        with torch.autocast(points.device.type, enabled=False):
            turn = NEAR * self.relative.weight.mT
            of_points = own.float() + (points @ turn + self.relative.bias)
            of_centers = centers @ turn
        return largest_of_neighbours(of_points, of_centers, near, self.gather.weight)

    def _of_points(
        self, points: Tensor, own: Tensor, centers: Tensor, tokens: Tensor
    ) -> Float[Tensor, "batch points 29"]:
        """Each point's own features with those of the three nearest tokens, by inverse distance (PointNet++)."""
        near = nearest(points, centers, 3)
        weight = 1 / (near.squared.sqrt() + 1e-3)
        weight = weight / weight.sum(-1, keepdim=True)
        share = weight.new_zeros(*points.shape[:2], centers.shape[1]).scatter_add_(2, near.index, weight)
        return self.each_point(torch.cat([own, share.to(own.dtype) @ self.spread(tokens)], -1))


def _placing(width: int) -> nn.Sequential:
    """A step of place and a log_sigma out of a query; at first nearly none."""
    last = nn.Linear(width, 4)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.LayerNorm(width), last)
