"""A batch of clouds with their truth as tensors, in the canonical frame: what is augmented and trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

POINT_FIELDS: Final = ("points", "rays", "keep", "part", "skin_offset")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CloudBatch:
    """Clouds of one person each. Metres and radians; the frame is that of `hps.points.canonical`, or a turn of it."""

    points: Float[Tensor, "batch points 3"]
    rays: Float[Tensor, "batch points 3"]
    """Unit vectors from the camera; zeros where it is not known."""
    keep: Bool[Tensor, "batch points"]
    """False for points that are not there: padding, or taken away."""
    part: Int64[Tensor, "batch points"]
    """SMPL joint whose skin, or the cloth over it, the point is; NOT_BODY; UNKNOWN_PART."""
    skin_offset: Float[Tensor, "batch points 3"]
    """From the point to the nearest naked skin; NaN where it is not known or there is none."""
    landmarks: Float[Tensor, "batch landmarks 3"]
    """As `hps.points.landmarks` orders them."""
    rotations: Float[Tensor, "batch 24 3 3"]
    """Of each joint against its parent, the root's in this frame."""
    betas: Float[Tensor, "batch shapes"]
    child: Float[Tensor, "batch"]
    transl: Float[Tensor, "batch 3"]
    """SMPL's: it moves the rest pelvis."""
    exact: Bool[Tensor, "batch"]
    """Whether rotations, betas, child and transl still describe the body: not after it was scaled."""

    def __len__(self) -> int:
        """Number of clouds."""
        return len(self.points)

    def with_points(self, which: Int64[Tensor, "batch some"]) -> CloudBatch:
        """Only these points of each cloud, in this order; the same point may be taken twice."""
        taken: dict[str, Any] = {}
        for name in POINT_FIELDS:
            values: Tensor = getattr(self, name)
            index = which if values.ndim == 2 else which[..., None].expand(-1, -1, values.shape[-1])
            taken[name] = values.gather(1, index)
        return replace(self, **taken)

    def rows(self, which: Int64[Tensor, "some"] | slice) -> CloudBatch:
        """Some of the clouds."""
        return CloudBatch(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    @classmethod
    def joined(cls, batches: Sequence[CloudBatch]) -> CloudBatch:
        """One batch of several whose clouds have the same number of points."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: torch.cat([getattr(batch, name) for batch in batches]) for name in names})

    def to(self, device: torch.device | str) -> CloudBatch:
        """On another device."""
        return CloudBatch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def sampled(batch: CloudBatch, count: int, generator: torch.Generator | None = None) -> CloudBatch:
    """`count` random points of each cloud among those that are kept; with fewer, some come more than once.

    A cloud that keeps no point keeps its first one: an empty cloud cannot be trained on.
    """
    score = torch.rand(batch.keep.shape, generator=generator).to(batch.points.device)
    order = score.masked_fill(~batch.keep, 2.0).topk(min(count, score.shape[1]), largest=False).indices
    there = batch.keep.sum(1, keepdim=True)
    place = torch.arange(count, device=order.device)[None] % there.clamp_min(1)
    taken = batch.with_points(order.gather(1, place) * (there > 0))
    return replace(taken, keep=torch.ones_like(taken.keep))
