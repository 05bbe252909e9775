"""A vocabulary of vectors that follow what is said with them: moving averages, and unused words put to use again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

DECAY: Final = 0.99
UNUSED: Final = 0.02
"""A word that is said less often than this share of an even use begins anew at a vector of the batch."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Quantised:
    """Vectors replaced by words."""

    vectors: Float[Tensor, "*batch width"]
    """The words; gradients pass to the vectors that they replace."""
    words: Int64[Tensor, "*batch"]
    commitment: Float[Tensor, ""]
    """Mean squared distance of the vectors from their words: a loss of the vectors alone."""


class Codebook(nn.Module):
    """Words of a VQ-VAE (van den Oord et al., NeurIPS 2017, appendix A.1: moving averages instead of a loss)."""

    words: Tensor
    use: Tensor
    sums: Tensor

    def __init__(self, count: int = 256, width: int = 64, *, generator: torch.Generator) -> None:
        """The generator draws the first words, and later those of the batch at which unused ones begin anew."""
        super().__init__()
        self._generator = generator
        self.register_buffer("words", torch.randn(count, width, generator=generator))
        self.register_buffer("use", torch.ones(count))
        self.register_buffer("sums", self.words.clone())

    def nearest(self, vectors: Float[Tensor, "*batch width"]) -> Int64[Tensor, "*batch"]:
        """The word nearest to each."""
        flat = vectors.detach().flatten(0, -2)
        away = self.words.square().sum(1) - 2 * flat @ self.words.T
        return away.argmin(1).view(vectors.shape[:-1])

    def forward(self, vectors: Float[Tensor, "*batch width"]) -> Quantised:
        """The nearest words; in training the words move too."""
        which = self.nearest(vectors)
        if self.training:
            self._follow(vectors.detach().flatten(0, -2), which.flatten())
        words = self.words[which]
        commitment = (vectors - words.detach()).square().mean()
        return Quantised(vectors=vectors + (words - vectors).detach(), words=which, commitment=commitment)

    @torch.no_grad()
    def _follow(self, flat: Tensor, which: Tensor) -> None:
        count = torch.bincount(which, minlength=len(self.words)).to(flat.dtype)
        total = torch.zeros_like(self.sums).index_add_(0, which, flat)
        self.use.lerp_(count, 1 - DECAY)
        self.sums.lerp_(total, 1 - DECAY)
        idle = self.use < UNUSED * len(flat) / len(self.words)
        if idle.any():
            anew = flat[torch.randint(len(flat), (int(idle.sum()),), generator=self._generator)]
            self.use[idle] = len(flat) / len(self.words)
            self.sums[idle] = anew * self.use[idle, None]
        self.words.copy_(self.sums / self.use[:, None].clamp_min(1e-6))
