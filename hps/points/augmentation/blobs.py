"""Operation that adds balls of points which are nobody's: what dirt, hands of others or a wrong mask leave."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, Literal

import torch
from jaxtyping import Bool, Float, Int64
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hps.points.augmentation.measuring import ranges
from hps.points.augmentation.operation import STRICT, Draw, Length, Operation
from hps.points.augmentation.taking import random_points
from hps.points.cloud_batch import CloudBatch
from hps.points.part_labels import NOT_BODY

USUAL_RANGE_M: Final = 2.5
"""Of points whose camera cannot be found from the rays: those of clouds of several cameras."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Blobs(Operation):
    """Adds balls of points, as DAPT does, each centred beside a point of the person; they are labelled NOT_BODY.

    A batch then has `count * points` more points, some of them not kept: draw from it with `sampled`.
    """

    kind: Literal["blobs"] = "blobs"
    count: Annotated[int, Field(ge=1, le=8)] = 2
    """Most balls of a cloud; each comes with probability 1/2 but the first, which always does."""
    points: Annotated[int, Field(ge=1, le=2000)] = 150
    """Most points of a ball."""
    radius_m: Length = 0.3
    """Most; drawn evenly from a third of it."""
    reach_m: Length = 0.3
    """Standard deviation of the way from a point of the person to the centre of a ball."""

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        some = chosen.nonzero()[:, 0]
        of = batch.rows(some)
        b, k, n = len(of), self.count, self.points
        which = random_points(of, draw, k)[..., None].expand(-1, -1, 3)
        center = of.points.gather(1, which) + draw.normal(b, k, 3) * self.reach_m
        radius = draw.between(self.radius_m / 3, self.radius_m, b, k, 1)
        way = torch.nn.functional.normalize(draw.normal(b, k, n, 3), dim=-1)
        out = draw.uniform(b, k, n).pow(1 / 3) * radius
        points = center[:, :, None] + way * out[..., None]
        rays = _rays_to(points, of, which)
        present = (draw.uniform(b, k) < 0.5).index_fill(1, torch.zeros_like(some[:1]), True)
        number = torch.arange(n, device=points.device)
        keep = (number < draw.between(1, n, b, k, 1)) & present[..., None]
        more, none = k * n, batch.points.new_zeros(len(batch), k * n, 3)
        absent = batch.keep.new_zeros(len(batch), more)
        return replace(
            batch,
            points=torch.cat([batch.points, none.index_copy(0, some, points.flatten(1, 2))], 1),
            rays=torch.cat([batch.rays, none.index_copy(0, some, rays.flatten(1, 2))], 1),
            keep=torch.cat([batch.keep, absent.index_copy(0, some, keep.flatten(1))], 1),
            part=torch.cat([batch.part, batch.part.new_full((len(batch), more), NOT_BODY)], 1),
            skin_offset=torch.cat([batch.skin_offset, torch.full_like(none, torch.nan)], 1),
        )


def _rays_to(
    points: Float[Tensor, "batch balls many 3"], batch: CloudBatch, beside: Int64[Tensor, "batch balls 3"]
) -> Float[Tensor, "batch balls many 3"]:
    """Unit vectors to the points from the camera that saw the point which each ball is beside; zeros without one.

    Rays must fit their points: a network would else know foreign points by that, as no sensor's data could tell it.
    """
    ray = batch.rays.gather(1, beside)
    far = ranges(batch).gather(1, beside[..., 0]).nan_to_num(USUAL_RANGE_M)
    camera = batch.points.gather(1, beside) - far[..., None] * ray
    known = (ray.abs().amax(-1) > 0)[..., None, None]
    return torch.nn.functional.normalize(points - camera[:, :, None], dim=-1) * known
