"""The larger singular value of 2x3 matrices as a penalty: its value, and its proximal operator in closed form."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def spectral_norm(M: Float[Tensor, "*rows 2 3 shapes"]) -> Float[Tensor, "*rows shapes"]:
    """The larger singular value of each 2x3 matrix; the matrices lie side by side along the last axis."""
    return _singular_values(M)[0]


def spectral_prox(
    M: Float[Tensor, "*rows 2 3 shapes"], weight: Float[Tensor, "*rows 1"]
) -> Float[Tensor, "*rows 2 3 shapes"]:
    """argmin over X of weight * (larger singular value of X) + |X - M|² / 2, for each 2x3 matrix.

    Singular values s1 >= s2 become the point left over by the projection onto the nuclear-norm ball (Moreau): both 0
    where s1 + s2 <= weight, both (s1 + s2 - weight) / 2 where s1 - s2 <= weight, else (s1 - weight, s2). No singular
    vectors are needed: the new matrix is (alpha I + beta M M') M, and the two numbers follow from s1 and s2.
    """
    s1, s2, gap = _singular_values(M)
    both = (0.5 * (s1 + s2 - weight)).clamp_min(0)
    tiny = torch.finfo(M.dtype).tiny
    alike = s1 - s2 <= weight
    share = torch.minimum(both / s2.clamp_min(tiny), torch.ones_like(s2))
    beta_alike = -share / (s1 * (s1 + s2)).clamp_min(tiny)
    beta_apart = -(weight / s1.clamp_min(tiny)) / gap.clamp_min(tiny)
    gone = s1 + s2 <= weight
    beta = torch.where(gone, 0.0, torch.where(alike, beta_alike, beta_apart))
    alpha = torch.where(gone, 0.0, torch.where(alike, share, torch.ones_like(s2)) - beta * s2 * s2)
    # M M' = [[a, b], [b, c]]
    a, b, c = _gram(M)
    x, y = M.select(-3, 0), M.select(-3, 1)
    first = (alpha + beta * a).unsqueeze(-2) * x + (beta * b).unsqueeze(-2) * y
    second = (beta * b).unsqueeze(-2) * x + (alpha + beta * c).unsqueeze(-2) * y
    return torch.stack([first, second], -3)


def _gram(M: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    x, y = M.select(-3, 0), M.select(-3, 1)
    return (x * x).sum(-2), (x * y).sum(-2), (y * y).sum(-2)


def _singular_values(M: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """s1, s2, and s1² - s2², each to full precision: s2 by the cross product of the rows, not by a difference."""
    a, b, c = _gram(M)
    gap = torch.hypot(a - c, 2 * b)
    s1 = (0.5 * (a + c + gap)).sqrt()
    x, y = M.select(-3, 0), M.select(-3, 1)
    area = torch.linalg.cross(x, y, dim=-2).square().sum(-2).sqrt()
    s2 = torch.minimum(area / s1.clamp_min(torch.finfo(M.dtype).tiny), s1)
    return s1, s2, gap
