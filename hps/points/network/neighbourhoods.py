"""Even choice of points and their neighbours, batched: in plain torch, and by compiled loops on processors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from hps.points.network import neighbour_kernels

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
    if points.device.type == "cpu":
        return torch.from_numpy(neighbour_kernels.farthest(points.detach().contiguous().numpy(), count, reach))
    return farthest_in_torch(points, count, reach)


def farthest_in_torch(
    points: Float[Tensor, "batch points 3"], count: int, reach: float = REACH_M
) -> Int64[Tensor, "batch count"]:
    """The same on any device."""
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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Nearest:
    """The points nearest to some places, in no order that may be relied upon."""

    index: Int64[Tensor, "batch places count"]
    squared: Float[Tensor, "batch places count"]
    """Distances; no gradient comes through them."""


def nearest(places: Float[Tensor, "batch places 3"], points: Float[Tensor, "batch points 3"], count: int) -> Nearest:
    """The `count` points of each cloud that are nearest to each place; there must be as many."""
    if points.device.type == "cpu":
        kernel = neighbour_kernels.nearest
        index, squared = kernel(places.detach().contiguous().numpy(), points.detach().contiguous().numpy(), count)
        return Nearest(index=torch.from_numpy(index), squared=torch.from_numpy(squared))
    return nearest_in_torch(places, points, count)


@torch.no_grad()
def nearest_in_torch(
    places: Float[Tensor, "batch places 3"], points: Float[Tensor, "batch points 3"], count: int
) -> Nearest:
    """The same on any device."""
    found = squared_distances(places, points).topk(count, largest=False)
    return Nearest(index=found.indices, squared=found.values.clamp_min(0))


def squared_distances(
    a: Float[Tensor, "batch some 3"], b: Float[Tensor, "batch others 3"]
) -> Float[Tensor, "batch some others"]:
    """Of all pairs; by the squares' sum less twice the product, so that it is one product of matrices.

    In full precision, whatever is around it: in bfloat16 distances of centimetres drown in those from the origin.
    """
    with torch.autocast(a.device.type, enabled=False):
        return (a * a).sum(-1)[:, :, None] + (b * b).sum(-1)[:, None] - 2 * a @ b.transpose(1, 2)


def taken(
    values: Float[Tensor, "batch points channels"], which: Int64[Tensor, "batch *some"]
) -> Float[Tensor, "batch *some channels"]:
    """Rows of each cloud's values."""
    flat = which.flatten(1)[..., None].expand(-1, -1, values.shape[-1])
    return values.gather(1, flat).unflatten(1, which.shape[1:])
