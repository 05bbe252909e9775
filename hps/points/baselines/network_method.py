"""The networks that regress bodies, as methods of a benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from body.loading import load_body_model
from body.model import BodyModel
from hps.benchmark.prediction import Prediction
from hps.errors import HpsError
from hps.points.baselines.asking import asked
from hps.points.baselines.body_output import BodyOutput
from hps.points.baselines.cost import network_cost
from hps.points.baselines.direct_network import DirectConfig, DirectNetwork
from hps.points.baselines.in_cloud_frame import parameters_in_cloud
from hps.points.baselines.voting_network import VotingConfig, VotingNetwork
from hps.points.loading import weights_path
from hps.points.network_input import network_input
from hps.points.person_cloud import PersonCloud
from hps.points.weights_file import WeightsInfo, filled, read_weights

RegressingNetwork = DirectNetwork | VotingNetwork
KINDS: Final[dict[str, Callable[[dict[str, Any]], RegressingNetwork]]] = {
    "direct": lambda config: DirectNetwork(DirectConfig(**config)),
    "voting": lambda config: VotingNetwork(VotingConfig(**config)),
}


class RegressingMethod:
    """Clouds in, the bodies that a network says out; nothing is fitted afterwards."""

    def __init__(
        self,
        network: RegressingNetwork,
        body: BodyModel,
        *,
        digest: str = "",
        device: torch.device | str = "cpu",
    ) -> None:
        """digest: tells the weights from others, for answers that are kept."""
        self.network = network.to(device).eval().requires_grad_(False)
        self.body, self.digest, self.device = body, digest, torch.device(device)
        cost = network_cost(self.network, network.config.points)
        self.parameters, self.gflops = cost.parameters, cost.gflop

    @classmethod
    def load(cls, kind: str, weights: str = "", body: BodyModel | None = None) -> RegressingMethod:
        """`direct` or `voting` with the weights that come with the package, or those of a file.

        Raises HpsError for weights that are missing, damaged, pickled, of another kind, or for another body.
        """
        body = load_body_model() if body is None else body
        path = weights_path(weights or kind)
        tensors, info = read_weights(path)
        info.require(body, path)
        digest = repr(sorted((name, float(tensor.double().sum())) for name, tensor in tensors.items()))
        return cls(_built(kind, tensors, info, path), body, digest=digest)

    def on(self, device: torch.device | str) -> RegressingMethod:
        """The same on another device."""
        import copy

        return RegressingMethod(copy.deepcopy(self.network), self.body, digest=self.digest, device=device)

    def __call__(self, clouds: Sequence[PersonCloud]) -> list[Prediction]:
        """One body for each cloud."""
        return asked(clouds, self._answer)

    def _answer(self, clouds: list[PersonCloud]) -> list[Prediction]:
        given = network_input(clouds, self.network.config.points)
        started = time.perf_counter()
        with torch.inference_mode():
            output = self.network(given.points.to(self.device), given.rays.to(self.device))
            output = output if isinstance(output, BodyOutput) else output.body()
            values = [each.cpu().double().numpy() for each in _values(output)]
        spent = {"network": 1000 * (time.perf_counter() - started) / len(clouds)}
        rotations, betas, child, transl = values
        found = [
            Prediction(
                parameters=parameters_in_cloud(self.body, rotations[row], betas[row], float(child[row]), transl[row], T)
            )
            for row, T in enumerate(given.T_canonical_cloud)
        ]
        return [replace(each, milliseconds=spent) for each in found]


def _values(output: BodyOutput) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return output.rotations, output.betas, output.child, output.transl


def _built(kind: str, tensors: dict[str, Tensor], info: WeightsInfo, path: Path) -> RegressingNetwork:
    """The network with its weights. Raises HpsError when they are not of this kind."""
    if info.size != kind:
        raise HpsError(f"{path} holds weights of '{info.size}', not of '{kind}'; name the file of this method")
    return filled(lambda: KINDS[kind](info.network), tensors, path)
