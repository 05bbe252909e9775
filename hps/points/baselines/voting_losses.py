"""What the voting network is trained on, with the weights of its paper's training script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from jaxtyping import Float
from torch import Tensor

from body.joints import JOINT_COUNT
from body.skinning import Skinning
from hps.points.baselines.body_output import body_distance
from hps.points.cloud_batch import CloudBatch
from hps.points.part_labels import NOT_BODY, UNKNOWN_PART

if TYPE_CHECKING:
    from hps.points.baselines.voting_network import VotingOutput

SCALE: Final = 1e-3
"""Of all published weights, so that the sum is about 1: an optimiser that clips gradients sees the same size of them
as from the other networks."""
PUBLISHED: Final = {
    "votes": 1.0,
    "joints_before": 2000.0,
    "joints": 1000.0,
    "parameters": 1000.0,
    "vertices": 1000.0,
    "parts": 100.0,
    "orthogonality": 10.0,
}
"""Votes are summed over the points of a cloud, everything else is a mean; the description does not say which."""


def voting_losses(output: VotingOutput, batch: CloudBatch, skinning: Skinning) -> dict[str, Tensor]:
    """Weighted losses, each a number."""
    distance = body_distance(output.as_regressed(), batch, skinning)
    joints = batch.landmarks[:, :JOINT_COUNT]
    identity = torch.eye(3, device=joints.device)
    gram = output.matrices.transpose(-1, -2) @ output.matrices
    found = {
        "votes": _vote_distance(output.votes, batch, joints),
        "joints_before": (output.joints - joints).abs().mean(),
        "joints": distance.joints,
        "parameters": distance.rotations + distance.betas / _BETAS_PER_ROTATION + distance.child / _BETAS_PER_ROTATION,
        "vertices": distance.vertices,
        "parts": _part_entropy(output.part_logits, batch),
        "orthogonality": (gram - identity).square().sum((-1, -2)).mean(),
    }
    return {name: SCALE * PUBLISHED[name] * value for name, value in found.items()}


_BETAS_PER_ROTATION: Final = 216 / 10
"""Parameters are compared as one vector, of which the betas are ten numbers beside 216 of the rotations."""


def _vote_distance(votes: Tensor, batch: CloudBatch, joints: Tensor) -> Float[Tensor, ""]:
    """Absolute differences of the votes of the body's points to their joint, summed over a cloud, metres."""
    of_body = (batch.part >= 0) & (batch.part < NOT_BODY) & batch.keep
    aim = joints.gather(1, batch.part.clamp(0, JOINT_COUNT - 1)[..., None].expand(-1, -1, 3))
    return ((votes - aim).abs().sum(-1) * of_body).sum(1).mean()


def _part_entropy(logits: Tensor, batch: CloudBatch) -> Float[Tensor, ""]:
    """Cross entropy of the parts of the points whose part is known; zero where none is."""
    known = (batch.part != UNKNOWN_PART) & batch.keep
    each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch.part.clamp_min(0), reduction="none")
    return (each * known).sum() / known.sum().clamp_min(1)
