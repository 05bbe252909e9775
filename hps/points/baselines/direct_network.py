"""Straight from a cloud to the parameters of a body: PointNet++ and rotations of six numbers."""

from __future__ import annotations

from typing import Annotated, Final

import torch
from jaxtyping import Float
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from body.joints import JOINT_COUNT
from body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from body.skinning import Skinning
from hps.points.baselines.body_output import BodyOutput, body_distance
from hps.points.baselines.set_abstraction import SetAbstraction, shared_layers
from hps.points.canonical import STANDING
from hps.points.cloud_batch import CloudBatch
from hps.points.network.neighbourhoods import farthest_points, taken
from hps.points.unknowns import SHAPES

Count = Annotated[int, Field(ge=1)]

WEIGHTS: Final = {"joints": 10.0, "vertices": 10.0, "rotations": 2.0, "betas": 0.05, "child": 0.5}
"""Of the mean absolute differences: a body that is 0.1 m off loses as much by it as by 20° in every joint."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class DirectConfig:
    """One network. What a file of weights needs to be read again."""

    points: Count = 1024
    """Points of a cloud that it sees."""
    centers: Count = 128
    """Of the first level; the second keeps a quarter of them."""
    neighbours: Count = 20
    width: Count = 160
    """Features of a centre of the first level; twice as many of the second."""
    hidden: Count = 576
    """Features of the whole cloud."""


class DirectNetwork(nn.Module):
    """Two levels of set abstraction, the maximum over the cloud, and a perceptron that says all parameters at once.

    The backbone is that of Qi et al., PointNet++ (NeurIPS 2017); rotations are six numbers each (Zhou et al., CVPR
    2019). Sizes are chosen so that it costs as much as the landmark network S.
    """

    def __init__(self, config: DirectConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DirectConfig()
        width, hidden = config.width, config.hidden
        self.first = SetAbstraction(6, (64, 96, width), config.neighbours)
        self.second = SetAbstraction(width + 3, (width, width, 2 * width), config.neighbours)
        self.whole = shared_layers(2 * width + 3, 2 * width, hidden)
        self.head = nn.Sequential(shared_layers(hidden, hidden, hidden), nn.Linear(hidden, _NUMBERS))
        self._start()

    def forward(self, points: Float[Tensor, "batch points 3"], rays: Float[Tensor, "batch points 3"]) -> BodyOutput:
        """Bodies of clouds of any number of points, at least as many as there are centres."""
        # The farthest points of the farthest points are the first of them.
        centers = farthest_points(points, self.config.centers)
        fewer = torch.arange(max(1, self.config.centers // 4), device=points.device).expand(len(points), -1)
        places = taken(points, centers)
        found = self.first(points, torch.cat([points, rays], -1), centers)
        found = self.second(places, torch.cat([places.to(found.dtype), found], -1), fewer)
        whole = self.whole(torch.cat([taken(places, fewer).to(found.dtype), found], -1)).amax(1)
        numbers = self.head(whole).float()
        six, betas, child, transl = numbers.split([6 * JOINT_COUNT, SHAPES, 1, 3], 1)
        return BodyOutput(
            rotations=rotation_6d_to_matrix(six.unflatten(1, (JOINT_COUNT, 6))),
            betas=betas,
            child=child[:, 0],
            transl=transl,
        )

    def losses(self, output: BodyOutput, batch: CloudBatch, skinning: Skinning) -> dict[str, Tensor]:
        """Weighted; `skinning` is that of `loss_skinning`."""
        distance = body_distance(output, batch, skinning)
        return {name: weight * getattr(distance, name) for name, weight in WEIGHTS.items()}

    def _start(self) -> None:
        """The first answer is near a person who stands and looks at the camera."""
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=1e-3)
        rotations = torch.eye(3).repeat(JOINT_COUNT, 1, 1)
        rotations[0] = torch.tensor(STANDING)
        with torch.no_grad():
            last.bias.zero_()
            last.bias[: 6 * JOINT_COUNT] = matrix_to_rotation_6d(rotations).flatten()


_NUMBERS: Final = 6 * JOINT_COUNT + SHAPES + 1 + 3
