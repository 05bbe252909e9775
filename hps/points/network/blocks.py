"""Attention over tokens, or from queries to them: pre-norm transformers (Vaswani et al. 2017; Xiong et al. 2020)."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Attention(nn.Module):
    """Attention from queries to what they look at, or among themselves, then a perceptron of two layers."""

    def __init__(self, width: int, heads: int, *, across: bool = False) -> None:
        """`across`: the queries look at others, not at themselves."""
        super().__init__()
        self.heads, self.across = heads, across
        self.own = nn.LayerNorm(width)
        self.others = nn.LayerNorm(width) if across else nn.Identity()
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(
        self,
        queries: Float[Tensor, "#batch queries width"],
        others: Float[Tensor, "#batch others width"] | None = None,
        place: Float[Tensor, "#batch queries width"] | None = None,
    ) -> Float[Tensor, "every queries width"]:
        """The queries after one block; those of one cloud may ask what many others are.

        `place` is added to what asks, not to what is passed on.
        """
        own = self.own(queries)
        seen = own if others is None else self.others(others)
        asks = own if place is None else own + place
        q = self.query(asks).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.key_value(seen).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        likeness = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        found = likeness.softmax(-1, torch.float32).to(v.dtype) @ v  # in bfloat16 it takes twice as long on processors
        queries = queries + self.out(found.transpose(1, 2).flatten(2))
        return queries + self.perceptron(queries)


def perceptron(*widths: int) -> nn.Sequential:
    """Linear layers with GELU between them, begun so that what goes through keeps its size (He et al., ICCV 2015)."""
    layers: list[nn.Module] = []
    for number, (first, second) in enumerate(pairwise(widths)):
        layers += [nn.GELU()] if number else []
        linear = nn.Linear(first, second)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        layers.append(linear)
    return nn.Sequential(*layers)
