"""What a network sees in clouds: landmarks with sigma, and what each point is; on request looked at twice, the second
time from where the body is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from body.joints import JOINT_COUNT
from hps.points.network_input import NetworkInput, network_input
from hps.points.person_cloud import PersonCloud

PELVIS: Final = 0
AGAIN_M: Final = 0.02
"""A pelvis that is nearer than this to where training puts it is not looked at again."""
FARTHEST_M: Final = 0.6
"""The second look is moved by no more: training shifts clouds by so much at most."""


@runtime_checkable
class Network(Protocol):
    """What is asked of a landmark network; `hps.points.network.landmark_network.LandmarkNetwork` is one."""

    def __call__(self, points: Float[Tensor, "batch points 3"], rays: Float[Tensor, "batch points 3"]) -> Any:
        """Position, log_sigma, part_logits, skin_offset and skin_log_sigma, in the frame of the points."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeenClouds:
    """A batch of clouds with what the network says, in the frames of `given`. Metres."""

    given: NetworkInput
    position: Float[Tensor, "batch landmarks 3"]
    sigma: Float[Tensor, "batch landmarks"]
    part_logits: Float[Tensor, "batch points 25"]
    skin_offset: Float[Tensor, "batch points 3"]
    skin_sigma: Float[Tensor, "batch points"]
    milliseconds: float

    def __len__(self) -> int:
        """Number of clouds."""
        return len(self.position)


class Seeing:
    """A network and how it is asked."""

    def __init__(
        self,
        network: Network,
        points: int,
        device: torch.device | str = "cpu",
        *,
        twice: bool = False,
        factor: dict[str, float] | None = None,
    ) -> None:
        """points: how many of a cloud the network takes. twice: look again from the predicted pelvis. factor: what the
        sigmas of `joints` and `markers` are multiplied by, as validation data say."""
        self.network, self.points, self.device, self.twice = network, points, torch.device(device), twice
        self.factor = factor or {}

    def __call__(self, clouds: Sequence[PersonCloud]) -> SeenClouds:
        """What is seen in the clouds, all at once. Raises HpsError as `network_input` does."""
        given = network_input(clouds, self.points)
        started = time.perf_counter()
        first = self._look(given)
        if not self.twice:
            return _timed(first, started)
        second = self._look(given.moved(_shift(first)))
        better = second.sigma.log().mean(1) < first.sigma.log().mean(1)
        return _timed(_chosen(first, second, better), started)

    def _look(self, given: NetworkInput) -> SeenClouds:
        with torch.inference_mode():
            out = self.network(given.points.to(self.device), given.rays.to(self.device))
        sigma = out.log_sigma.float().exp().cpu()
        joints, markers = self.factor.get("joints", 1.0), self.factor.get("markers", 1.0)
        return SeenClouds(
            given=given,
            position=out.position.float().cpu(),
            sigma=torch.cat([joints * sigma[:, :JOINT_COUNT], markers * sigma[:, JOINT_COUNT:]], 1),
            part_logits=out.part_logits.float().cpu(),
            skin_offset=out.skin_offset.float().cpu(),
            skin_sigma=out.skin_log_sigma.float().exp().cpu(),
            milliseconds=0.0,
        )


def _shift(seen: SeenClouds) -> Float[np.ndarray, "batch 3"]:
    """From each frame's origin to the middle of the landmarks, which the pelvis is near to."""
    shift = seen.position[:, PELVIS].double().numpy()
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    shift = shift * np.minimum(1.0, FARTHEST_M / np.maximum(length, 1e-9))
    return np.where(length < AGAIN_M, 0.0, shift)


def _chosen(first: SeenClouds, second: SeenClouds, where: Bool[Tensor, "batch"]) -> SeenClouds:
    """The rows of `second` where that is asked for, the others of `first`."""
    picked: dict[str, Any] = {}
    for field in fields(SeenClouds):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if isinstance(a, Tensor):
            picked[field.name] = torch.where(where.view(-1, *[1] * (a.ndim - 1)), b, a)
    given = NetworkInput(
        points=torch.where(where[:, None, None], second.given.points, first.given.points),
        rays=first.given.rays,
        T_canonical_cloud=np.where(
            where.numpy()[:, None, None], second.given.T_canonical_cloud, first.given.T_canonical_cloud
        ),
        chosen=first.given.chosen,
    )
    return SeenClouds(given=given, milliseconds=0.0, **picked)


def _timed(seen: SeenClouds, started: float) -> SeenClouds:
    values = {field.name: getattr(seen, field.name) for field in fields(SeenClouds)}
    return SeenClouds(**{**values, "milliseconds": 1000 * (time.perf_counter() - started)})
