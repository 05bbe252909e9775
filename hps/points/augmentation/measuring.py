"""Operations on what a sensor measures: noise along its rays, jitter, and whether its place is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, Literal

import torch
from jaxtyping import Bool, Float, Int64
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hps.points.augmentation.operation import STRICT, Draw, Length, Operation
from hps.points.cloud_batch import CloudBatch

REFERENCE_M: Final = 2.0
"""Range at which a sigma is stated."""
MEETING_M: Final = 0.15
"""Rays whose lines pass their common point within this distance (root mean square) are one camera's: noise makes a
centimetre or two, several cameras make a metre."""
LEAST_SPREAD: Final = 1e-4
"""Smallest share of the rays' directions across their mean that still says where they meet (0.6°)."""


def ranges(batch: CloudBatch) -> Float[Tensor, "batch points"]:
    """Distance of each point from its camera, metres; NaN in clouds whose rays do not come from one place.

    The camera is the point nearest to all lines along the rays, by least squares.
    """
    known = (batch.keep & (batch.rays.square().sum(-1) > 0.5)).to(batch.points.dtype)
    p, d = batch.points, batch.rays * known[..., None]
    count = known.sum(1).clamp_min(1)[:, None, None]
    eye = torch.eye(3, dtype=d.dtype, device=d.device)
    A = eye - d.mT @ d / count
    along = (d * p).sum(-1, keepdim=True)
    b = (known[:, None] @ p - along.mT @ d).mT / count
    camera = torch.linalg.solve(A + 1e-7 * eye, b)[..., 0]
    v = p - camera[:, None]
    away = v.square().sum(-1)
    passed = ((away - (v * d).sum(-1).square()) * known).sum(1) / count[:, 0, 0]
    one = (passed < MEETING_M**2) & (torch.linalg.eigvalsh(A)[:, 0] > LEAST_SPREAD)
    return away.sqrt().masked_fill(~one[:, None], torch.nan)


def displaced(batch: CloudBatch, some: Int64[Tensor, "some"], shift: Float[Tensor, "some points 3"]) -> CloudBatch:
    """Points of some clouds moved; the skin that each one belongs to stays where it is."""
    return replace(
        batch,
        points=batch.points.index_add(0, some, shift),
        skin_offset=batch.skin_offset.index_add(0, some, shift, alpha=-1),
    )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Noise(Operation):
    """Noise along the rays: one sigma a cloud, drawn evenly, that grows with a power of the range.

    In clouds of several cameras, or of unknown ones, it does not grow; points without a ray get none.
    """

    kind: Literal["noise"] = "noise"
    least_m: Length = 0.0
    most_m: Length = 0.02
    """Standard deviation at 2 m."""
    power: Annotated[float, Field(ge=0, le=4)] = 2.0
    """2 for stereo; time of flight lies between 1 and 2."""

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        some = chosen.nonzero()[:, 0]
        of = batch.rows(some)
        sigma = draw.between(self.least_m, self.most_m, len(of), 1)
        growth = (ranges(of) / REFERENCE_M).pow(self.power).nan_to_num(1.0)
        return displaced(batch, some, of.rays * (draw.normal(*of.keep.shape) * sigma * growth)[..., None])


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Jitter(Operation):
    """Noise in every direction, cut off at `clip_m` along each axis."""

    kind: Literal["jitter"] = "jitter"
    sigma_m: Length = 0.005
    clip_m: Length = 0.02

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        some = chosen.nonzero()[:, 0]
        shift = draw.normal(len(some), *batch.points.shape[1:]) * self.sigma_m
        return displaced(batch, some, shift.clamp(-self.clip_m, self.clip_m))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DropRays(Operation):
    """Forgets where the cameras are."""

    kind: Literal["drop_rays"] = "drop_rays"

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        return replace(batch, rays=batch.rays * ~chosen[:, None, None])
