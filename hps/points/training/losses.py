"""What the landmark network is trained to do: Gaussians of landmarks, and what each point is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from hps.points.cloud_batch import CloudBatch
from hps.points.network.landmark_network import NetworkOutput

DISTANCE: Final = 10.0
"""Weight of a landmark's distance, 1/m."""
LIKELIHOOD: Final = 0.1
EARLIER: Final = 0.5
"""Share of the weight that the places of earlier rounds have."""
PART: Final = 0.2
OFFSET: Final = 2.0
"""Weight of the distance of a point's skin, 1/m."""
OFFSET_LIKELIHOOD: Final = 0.05
SOFT_M: Final = 0.002
"""Errors below this count less, so that the gradient has no jump at 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LandmarkLosses:
    """Weighted losses, to be summed, and the mean distance of landmarks for people."""

    losses: dict[str, Tensor]
    distance_mm: float


def landmark_losses(output: NetworkOutput, batch: CloudBatch) -> LandmarkLosses:
    """Distance and likelihood of every landmark after every round; class and skin offset of every point.

    A landmark's error is taken for distributed as exp(-e / b) / b^3 with b = sigma / 2, the isotropic Laplace
    distribution whose standard deviation along any axis is sigma: its tails forgive the limb that was mistaken.
    """
    last = _placed(output.position, output.log_sigma, batch.landmarks)
    losses = {"distance": DISTANCE * last[0], "likelihood": LIKELIHOOD * last[1]}
    if output.earlier:
        each = [_placed(position, log_sigma, batch.landmarks) for position, log_sigma in output.earlier]
        mean = sum(DISTANCE * distance + LIKELIHOOD * likelihood for distance, likelihood in each) / len(each)
        losses["earlier"] = EARLIER * torch.as_tensor(mean)
    known = (batch.part >= 0) & batch.keep
    losses["part"] = PART * torch.nn.functional.cross_entropy(
        output.part_logits.flatten(0, 1), batch.part.masked_fill(~known, -100).flatten(), ignore_index=-100
    ).nan_to_num(0)
    offset = batch.skin_offset
    there = (torch.isfinite(offset).all(-1) & batch.keep).float()
    gap = _length(output.skin_offset - offset.nan_to_num(0))
    many = there.sum().clamp_min(1)
    losses["offset"] = OFFSET * (gap * there).sum() / many
    likely = 2 * gap * (-output.skin_log_sigma).exp() + 3 * output.skin_log_sigma
    losses["offset_likelihood"] = OFFSET_LIKELIHOOD * (likely * there).sum() / many
    return LandmarkLosses(losses=losses, distance_mm=1000 * float(last[0].detach()))


def _placed(position: Tensor, log_sigma: Tensor, truth: Tensor) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    error = _length(position - truth)
    return error.mean(), (2 * error * (-log_sigma).exp() + 3 * log_sigma).mean()


def _length(v: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
    return (v.square().sum(-1) + SOFT_M**2).sqrt() - SOFT_M
