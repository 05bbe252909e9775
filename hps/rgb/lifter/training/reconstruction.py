"""From keypoints and an order of depths to metres: a small network that has seen motions alone, and no pictures.

The reconstruction component of Pavlakos et al., CVPR 2018, section 3.3. There, depths of ordinal training are its
input as they are; here their ranks, so that nothing of a scale that was never taught is handed on.
"""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from body.joints import JOINT_COUNT
from hps.points.landmarks import LANDMARK_COUNT
from hps.points.network.blocks import perceptron
from hps.rgb.lifter.network import FEATURES, features
from hps.rgb.lifter.person_view import PersonView
from hps.rgb.lifter.training.losses import ViewTruth
from hps.rgb.lifting_batch import LiftingBatch

DEPTH_NOISE_M: Final = 0.08
"""Of true depths before they are ranked in training: the ranks are then as often wrong as those it will be given."""


class Reconstruction(nn.Module):
    """Landmarks from the pelvis in the axes of a view, metres, from the view and the joints' order of depth."""

    def __init__(self, width: int = 384) -> None:
        super().__init__()
        self.layers = perceptron(FEATURES + JOINT_COUNT, width, width, 3 * LANDMARK_COUNT)

    def forward(self, view: PersonView, rank: Float[Tensor, "batch joints"]) -> Float[Tensor, "batch landmarks 3"]:
        """rank: as `ranks` gives it."""
        landmarks = self.layers(torch.cat([features(view), rank], 1)).unflatten(-1, (LANDMARK_COUNT, 3))
        return torch.nn.functional.pad(landmarks[:, 1:], (0, 0, 1, 0))  # the pelvis is its own origin


def ranks(z: Float[Tensor, "batch joints"]) -> Float[Tensor, "batch joints"]:
    """Place of each depth among those of its row: -1 the nearest, 1 the farthest."""
    return z.argsort(1).argsort(1).to(z.dtype) / (z.shape[1] - 1) * 2 - 1


def reconstruction_loss(
    network: Reconstruction, view: PersonView, batch: LiftingBatch, generator: torch.Generator
) -> Float[Tensor, ""]:
    """Mean distance of landmarks, metres, from true ones whose order of depth is disturbed."""
    truth = ViewTruth.of(batch, view, batch.betas.shape[1])
    z = truth.relative[:, :JOINT_COUNT, 2]
    noisy = z + DEPTH_NOISE_M * torch.randn(z.shape, generator=generator)
    return (network(view, ranks(noisy)) - truth.relative)[:, 1:].norm(dim=-1).mean()
