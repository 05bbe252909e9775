"""Even choice of points and their neighbours, batched, in plain torch."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

REACH_M: Final = 1.8
"""From the middle of a cloud: the farthest landmark of 3,600 simulated clouds was 1.71 m away."""


def farthest_points(
    points: Float[Tensor, "batch points 3"], count: int, reach: float = REACH_M
) -> Int64[Tensor, "batch count"]:
    """Indices of points each of which is the farthest from those before it, the first being the first given.

    Farthest point sampling (Qi et al., PointNet++, NeurIPS 2017). Points farther than `reach` from the origin are not
    chosen, except the first: a few points of a wall behind the person would be the farthest of all. Where there are
    fewer different points than `count`, some come again.
    """
    batch, _, _ = points.shape
    rows = torch.arange(batch, device=points.device)
    chosen = torch.zeros(batch, count, dtype=torch.int64, device=points.device)
    x, y, z = (points[..., axis].contiguous() for axis in range(3))
    away = torch.where(x * x + y * y + z * z > reach * reach, -1.0, torch.inf)
    last = chosen[:, 0]
    for number in range(1, count):
        gap = (x - x[rows, last, None]) ** 2
        gap += (y - y[rows, last, None]) ** 2
        gap += (z - z[rows, last, None]) ** 2
        torch.minimum(away, gap, out=away)
        last = away.argmax(1)
        chosen[:, number] = last
    return chosen


def squared_distances(
    a: Float[Tensor, "batch some 3"], b: Float[Tensor, "batch others 3"]
) -> Float[Tensor, "batch some others"]:
    """Of all pairs; by the squares' sum less twice the product, so that it is one product of matrices."""
    return (a * a).sum(-1)[:, :, None] + (b * b).sum(-1)[:, None] - 2 * a @ b.transpose(1, 2)


def taken(
    values: Float[Tensor, "batch points channels"], which: Int64[Tensor, "batch *some"]
) -> Float[Tensor, "batch *some channels"]:
    """Rows of each cloud's values."""
    flat = which.flatten(1)[..., None].expand(-1, -1, values.shape[-1])
    return values.gather(1, flat).unflatten(1, which.shape[1:])
