"""Three ways from a lifter's trunk to a pose: joint by joint, by words of a vocabulary, by the vector of a prior."""

from __future__ import annotations

from typing import Protocol

from jaxtyping import Float
from torch import Tensor, nn

from hps.rgb.lifter.network import Block
from hps.rgb.tokens.pose_code import FEATURES, Coded, PoseTokenizer, PoseVae, turns_of


class PoseHead(Protocol):
    """Anything that makes poses of a trunk's features, with what it asks of training besides."""

    def __call__(self, features: Float[Tensor, "batch features"]) -> Coded:
        """A pose for each row."""
        ...


class DirectHead(nn.Module):
    """Six numbers a joint."""

    def __init__(self, features: int, *, hidden: int = 256) -> None:
        super().__init__()
        self.layers = head_layers(features, hidden, FEATURES)

    def forward(self, features: Float[Tensor, "batch features"]) -> Coded:
        """Rotations as they come."""
        return Coded(rotations=turns_of(self.layers(features)), loss=features.new_zeros(()))


class TokenHead(nn.Module):
    """A probability of each word in each place; the mean word goes through the frozen decoder (TokenHMR)."""

    def __init__(self, features: int, tokenizer: PoseTokenizer, *, hidden: int = 256) -> None:
        super().__init__()
        self.tokenizer = tokenizer.eval().requires_grad_(False)
        self.layers = head_layers(features, hidden, 64 * tokenizer.tokens)
        self.say = nn.Linear(64, len(tokenizer.codebook.words))

    def forward(self, features: Float[Tensor, "batch features"]) -> Coded:
        """Only poses that the decoder knows."""
        likely = self.say(self.layers(features).unflatten(1, (self.tokenizer.tokens, 64))).softmax(-1)
        return Coded(
            rotations=self.tokenizer.decoded(likely @ self.tokenizer.codebook.words), loss=likely.new_zeros(())
        )


class PriorHead(nn.Module):
    """A vector of the VAE, held near its standard normal; the pose comes from the frozen decoder."""

    def __init__(self, features: int, vae: PoseVae, *, hidden: int = 256, weight: float = 1e-3) -> None:
        super().__init__()
        self.vae, self.weight = vae.eval().requires_grad_(False), weight
        self.layers = head_layers(features, hidden, vae.width)

    def forward(self, features: Float[Tensor, "batch features"]) -> Coded:
        """Poses of likely vectors."""
        vector = self.layers(features)
        return Coded(rotations=self.vae.decoded(vector), loss=self.weight * 0.5 * vector.square().sum(1).mean())


def head_layers(features: int, hidden: int, out: int) -> nn.Sequential:
    """The same for every head, so that heads differ in what they say alone."""
    return nn.Sequential(nn.Linear(features, hidden), Block(hidden), nn.LayerNorm(hidden), nn.Linear(hidden, out))
