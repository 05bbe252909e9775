"""The largest of what a layer says of the neighbours of places: the costliest step of PointNet++, in pieces that stay
in a processor's cache."""

from __future__ import annotations

from typing import Any, Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

AT_ONCE: Final = {"cpu": 2}
"""Clouds in one piece, by the kind of device; all of them where none is named. 1,536 neighbours of 64 numbers fill
0.4 MB, and what is computed of them as much again."""
_JUST_BELOW: Final = -1e-30


def largest_of_neighbours(
    of_points: Float[Tensor, "batch points channels"],
    of_centers: Float[Tensor, "batch centers channels"],
    near: Int64[Tensor, "batch centers neighbours"],
    weight: Float[Tensor, "width channels"],
) -> Float[Tensor, "batch centers width"]:
    """max over n in near[c] of weight @ relu(of_points[n] - of_centers[c]), for every number of the result.

    The product is taken in the precision of an autocast around it. Where several neighbours are the largest, the
    gradient is parted between them, as `amax` does. No second derivatives.
    """
    kind = of_points.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
    return _Largest.apply(of_points, of_centers, near, weight, dtype)  # pyright: ignore[reportReturnType]


class _Largest(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, of_points: Tensor, of_centers: Tensor, near: Tensor, weight: Tensor, dtype: torch.dtype
    ) -> Tensor:
        batch, points, channels = of_points.shape
        step = AT_ONCE.get(of_points.device.type, batch)
        low = weight.to(dtype)
        result = low.new_empty(batch, near.shape[1], len(weight))
        ctx.pieces = []
        with torch.autocast(of_points.device.type, enabled=False):
            for first in range(0, batch, step):
                rows = slice(first, min(first + step, batch))
                start = torch.arange(0, points * (rows.stop - first), points, device=near.device)
                which = (near[rows] + start[:, None, None]).flatten()
                x = of_points[rows].reshape(-1, channels).index_select(0, which).unflatten(0, near[rows].shape)
                x = x.sub_(of_centers[rows, :, None]).relu_().to(dtype)
                found = x @ low.mT
                torch.amax(found, 2, out=result[rows])
                if any(ctx.needs_input_grad):
                    ctx.pieces.append((rows, which, x, found))
        ctx.save_for_backward(low, result)
        ctx.like = of_points, weight.dtype
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        low, result = ctx.saved_tensors
        of_points, full = ctx.like
        gradient = gradients[0]
        to_points = torch.zeros_like(of_points)
        to_centers = of_points.new_empty(*result.shape[:2], of_points.shape[2])
        to_weight = torch.zeros(low.shape, dtype=full, device=low.device)
        one = low.new_ones(())
        for rows, which, x, found in ctx.pieces:
            below = found - result[rows, :, None]
            largest = torch.ops.aten.threshold_backward(one.expand_as(below), below, _JUST_BELOW)
            share = (gradient[rows] / largest.sum(2)).to(low.dtype)
            to_found = largest.mul_(share[:, :, None]).flatten(0, 2)
            flat = x.flatten(0, 2)
            to_weight += to_found.mT @ flat
            to_x = torch.ops.aten.threshold_backward(to_found @ low, flat, 0).to(of_points.dtype)
            torch.sum(to_x.unflatten(0, x.shape[:3]), 2, out=to_centers[rows])
            to_points[rows].flatten(0, 1).index_add_(0, which, to_x)
        return to_points, to_centers.neg_(), None, to_weight, None
