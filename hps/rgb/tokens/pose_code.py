"""Poses to codes and back: a perceptron on each side, and tokens or a Gaussian vector between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from body.joints import JOINT_COUNT
from body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from hps.rgb.lifter.network import Block
from hps.rgb.tokens.codebook import Codebook

POSED: Final = JOINT_COUNT - 1
"""All joints but the root, whose turn is no matter of the pose."""
FEATURES: Final = 6 * POSED


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Coded:
    """Poses after they went through the code, and what the code asks of training."""

    rotations: Float[Tensor, "batch 23 3 3"]
    loss: Float[Tensor, ""]


class PoseTokenizer(nn.Module):
    """A VQ-VAE of single poses: so many words each, every place of a word its own part of the code."""

    def __init__(
        self, tokens: int = 32, words: int = 256, width: int = 64, *, hidden: int = 256, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.tokens, self.width = tokens, width
        self.enter = _perceptron(FEATURES, hidden, tokens * width)
        self.codebook = Codebook(words, width, generator=generator)
        self.leave = _perceptron(tokens * width, hidden, FEATURES)

    def forward(self, rotations: Float[Tensor, "batch 23 3 3"]) -> Coded:
        """Through the words and back."""
        said = self.codebook(self._vectors(rotations))
        return Coded(rotations=self.decoded(said.vectors), loss=said.commitment)

    @torch.no_grad()
    def words(self, rotations: Float[Tensor, "batch 23 3 3"]) -> Int64[Tensor, "batch tokens"]:
        """What a pose is called."""
        return self.codebook.nearest(self._vectors(rotations))

    def decoded(self, vectors: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch 23 3 3"]:
        """The pose of words, or of means of words."""
        return turns_of(self.leave(vectors.flatten(1)))

    def _vectors(self, rotations: Tensor) -> Float[Tensor, "batch tokens width"]:
        return self.enter(_features(rotations)).unflatten(1, (self.tokens, self.width))


class PoseVae(nn.Module):
    """A variational autoencoder of single poses (as VPoser, Pavlakos et al. 2019, is): the prior of the comparison."""

    def __init__(self, width: int = 32, *, hidden: int = 256, generator: torch.Generator, weight: float = 2e-3) -> None:
        """weight: of the divergence from the standard normal, beside the errors of rotations and joints."""
        super().__init__()
        self.width, self.weight, self._generator = width, weight, generator
        self.enter = _perceptron(FEATURES, hidden, 2 * width)
        self.leave = _perceptron(width, hidden, FEATURES)

    def forward(self, rotations: Float[Tensor, "batch 23 3 3"]) -> Coded:
        """Through the vector and back; in training the vector is drawn, else it is the mean."""
        mean, log_sigma = self.enter(_features(rotations)).split(self.width, 1)
        log_sigma = log_sigma.clamp(-6, 2)
        drawn = torch.randn(mean.shape, generator=self._generator) * log_sigma.exp() if self.training else 0.0
        away = 0.5 * (mean.square() + (2 * log_sigma).exp() - 1) - log_sigma
        return Coded(rotations=self.decoded(mean + drawn), loss=self.weight * away.sum(1).mean())

    def decoded(self, vectors: Float[Tensor, "batch width"]) -> Float[Tensor, "batch 23 3 3"]:
        """The pose of a vector."""
        return turns_of(self.leave(vectors))


def _perceptron(inside: int, hidden: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inside, hidden), Block(hidden), Block(hidden), nn.LayerNorm(hidden), nn.Linear(hidden, outside)
    )


def _features(rotations: Tensor) -> Float[Tensor, "batch features"]:
    return matrix_to_rotation_6d(rotations).flatten(1)


def turns_of(features: Tensor) -> Float[Tensor, "batch 23 3 3"]:
    """Rotations about those at rest, so that zeros are the rest pose."""
    six = features.unflatten(1, (POSED, 6)) + matrix_to_rotation_6d(torch.eye(3, dtype=features.dtype))
    return rotation_6d_to_matrix(six)
