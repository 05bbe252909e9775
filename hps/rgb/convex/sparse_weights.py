"""Few weights, none below 0, of many rows at once: the lasso and the ridge by accelerated projected gradients."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


@torch.no_grad()
def sparse_weights(
    gram: Float[Tensor, "#rows shapes shapes"],
    told: Float[Tensor, "rows shapes"],
    *,
    lasso: float | Float[Tensor, "rows 1"],
    ridge: float | Float[Tensor, "rows 1"],
    steps: int,
    steepest: float | Float[Tensor, "rows 1"],
    start: Float[Tensor, "rows shapes"] | None = None,
    smooth: float = 0.0,
) -> Float[Tensor, "rows shapes"]:
    """argmin over c >= 0 of c' gram c / 2 - told' c + lasso * sum(c) + ridge * |c|² / 2, after so many steps.

    steepest: an upper bound of gram's eigenvalues. smooth: of half the squared change from each row to the next, where
    the rows are instants.

    FISTA (Beck and Teboulle 2009), begun anew where the step turns back (O'Donoghue and Candès 2015).
    """
    rate = 1 / (steepest + ridge + 4 * smooth)
    c = torch.zeros_like(told) if start is None else start.clamp_min(0)
    ahead, momentum = c, told.new_ones(len(told), 1)
    for _ in range(steps):
        slope = _times(gram, ahead) - told + ridge * ahead + lasso
        if smooth:
            change = smooth * ahead.diff(dim=0)
            slope[1:] += change
            slope[:-1] -= change
        new = (ahead - rate * slope).clamp_min(0)
        turned = ((ahead - new) * (new - c)).sum(1, keepdim=True) > 0
        momentum = torch.where(turned, torch.ones_like(momentum), momentum)
        following = 0.5 * (1 + (1 + 4 * momentum.square()).sqrt())
        ahead = new + torch.where(turned, 0.0, (momentum - 1) / following) * (new - c)
        c, momentum = new, following
    return c


def _times(gram: Tensor, c: Tensor) -> Tensor:
    return c @ gram[0] if len(gram) == 1 else (gram @ c[..., None])[..., 0]
