"""Networks that can be trained, by name, each with its losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from body.skinning import Skinning
from hps.errors import HpsError
from hps.points.baselines.direct_network import DirectNetwork
from hps.points.baselines.voting_network import VotingNetwork
from hps.points.cloud_batch import CloudBatch
from hps.points.network.config import SIZES, NetworkConfig
from hps.points.network.landmark_network import LandmarkNetwork
from hps.points.training.losses import landmark_losses


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainable:
    """A network with what it is trained for."""

    network: nn.Module
    losses: Callable[[CloudBatch, Skinning], tuple[dict[str, Tensor], float]]
    """Weighted losses of a batch, and the mean error that people look at: of the landmarks or joints, millimetres."""
    size: str
    config: dict[str, Any]


def trainable(recipe: str) -> Trainable:
    """S, M or L: the landmark network of that size; direct and voting: the baselines. Raises HpsError for others."""
    if recipe in SIZES:
        return _landmarks(recipe, SIZES[recipe])
    if recipe == "direct":
        network = DirectNetwork()
    elif recipe == "voting":
        network = VotingNetwork()
    else:
        raise HpsError(f"there is no recipe '{recipe}'; the recipes are {', '.join(RECIPES)}")

    def losses(batch: CloudBatch, skinning: Skinning) -> tuple[dict[str, Tensor], float]:
        output = network(batch.points, batch.rays)
        found = network.losses(output, batch, skinning)
        with torch.no_grad():
            _, joints = skinning.pose(output.betas, output.rotations, output.transl, output.child)
            error = (joints - batch.landmarks[:, :24]).norm(dim=-1).mean()
        return found, 1000 * float(error)

    return Trainable(network=network, losses=losses, size=recipe, config=asdict(network.config))


def _landmarks(size: str, config: NetworkConfig) -> Trainable:
    network = LandmarkNetwork(config)

    def losses(batch: CloudBatch, skinning: Skinning) -> tuple[dict[str, Tensor], float]:
        found = landmark_losses(network(batch.points, batch.rays), batch)
        return found.losses, found.distance_mm

    return Trainable(network=network, losses=losses, size=size, config=asdict(config))


RECIPES: Final = (*SIZES, "direct", "voting")
