"""The echo of each pixel from its samples, in torch: one surface's, or the sum of several as phasors (flying pixels).

The batched form of capture.virtual.tof.mixing, whose constants it takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from capture.virtual.tof.mixing import EDGE_M, EDGE_SLOPE, LIGHT_M_S, REACH


@dataclass(frozen=True, kw_only=True, eq=False)
class Echoes:
    """What arrives at each pixel."""

    z: Float[Tensor, "images rows columns"]
    """Depth that its phase says, metres; inf where nothing comes back."""
    amplitude: Float[Tensor, "images rows columns"]
    """Reflectance times cosine over squared distance (m)."""
    coherence: Float[Tensor, "images rows columns"]
    """Strength of the sum over the sum of strengths: 1 for one surface."""


def phase_per_m(modulation_hz: float) -> float:
    """Radians of phase for a metre of distance."""
    return 4 * math.pi * modulation_hz / LIGHT_M_S


def mix(
    z_fine: Float[Tensor, "images fine_rows fine_columns"],
    amplitude_fine: Float[Tensor, "images fine_rows fine_columns"],
    k: float,
    point_spread_px: float,
    *,
    flying: bool = True,
) -> Echoes:
    """The echoes of 2x2 samples a pixel: depth (metres; inf or NaN: nothing) and echo strength.

    `flying` False: a pixel at an edge sees the nearer surface alone.
    """
    seen = torch.isfinite(z_fine)
    depth, strength = torch.where(seen, z_fine, 0), torch.where(seen, amplitude_fine, 0)
    amplitude = functional.avg_pool2d(strength[:, None], 2)[:, 0]
    moment = functional.avg_pool2d((strength * depth)[:, None], 2)[:, 0]
    z = torch.where(amplitude > 0, moment / amplitude, torch.inf)
    low = -functional.max_pool2d(-torch.where(seen, z_fine, torch.inf)[:, None], 2)[:, 0]
    high = functional.max_pool2d(torch.where(seen, z_fine, -torch.inf)[:, None], 2)[:, 0]
    if not flying:
        limit = low + EDGE_M + EDGE_SLOPE * low
        near = seen & (depth <= _twice(limit))
        parts = torch.stack([strength, strength * depth, torch.ones_like(depth)], 1) * near[:, None]
        strong, moment, share = functional.avg_pool2d(parts, 2).unbind(1)
        mixed = (high > limit) & (strong > 0)
        return Echoes(
            z=torch.where(mixed, moment / strong, z),
            amplitude=torch.where(mixed, strong / share, amplitude),
            coherence=torch.ones_like(z),
        )
    nearest = -functional.max_pool2d(-low[:, None], 3, 1, 1)[:, 0]
    farthest = functional.max_pool2d(high[:, None], 3, 1, 1)[:, 0]
    edge = farthest > nearest + EDGE_M + EDGE_SLOPE * nearest
    image, row, column = torch.nonzero(edge, as_tuple=True)
    coherence = torch.ones_like(z)
    phasors = _phasors(depth, strength, (image, row, column), k, point_spread_px)
    z[image, row, column], amplitude[image, row, column], coherence[image, row, column] = phasors
    return Echoes(z=z, amplitude=amplitude, coherence=coherence)


def _phasors(
    depth: Tensor, strength: Tensor, pixels: tuple[Tensor, Tensor, Tensor], k: float, point_spread_px: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Depth, amplitude and coherence of some pixels, from all samples within reach of each."""
    image, row, column = (index[:, None] for index in pixels)
    reach = torch.arange(2 * REACH, device=depth.device)
    falloff = torch.exp(-0.5 * ((reach - REACH + 0.5) / (2 * point_spread_px)).square())
    i, j = 2 * row + 1 - REACH + reach, 2 * column + 1 - REACH + reach
    rows, columns = depth.shape[1:]
    down = torch.where((i >= 0) & (i < rows), falloff, 0)
    across = torch.where((j >= 0) & (j < columns), falloff, 0)
    weights = (down[:, :, None] * across[:, None, :]).flatten(1)
    base = (image * rows + i.clamp(0, rows - 1)) * columns
    where = (base[:, :, None] + j.clamp(0, columns - 1)[:, None, :]).flatten(1)
    z, strong = depth.take(where), strength.take(where) * weights
    total = strong.sum(1)
    mean = (strong * z).sum(1) / total
    turned = k * (z - mean[:, None])  # against the mean, so that no phase is large
    real, imaginary = (strong * turned.cos()).sum(1), (strong * turned.sin()).sum(1)
    some = total > 0
    return (
        torch.where(some, mean + torch.atan2(imaginary, real) / k, torch.inf),
        torch.where(some, total / weights.sum(1), 0),
        torch.where(some, torch.hypot(real, imaginary) / total, 0),
    )


def _twice(image: Tensor) -> Tensor:
    return image.repeat_interleave(2, 1).repeat_interleave(2, 2)
