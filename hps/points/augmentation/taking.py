"""Operations that take points away: parts of the body, connected regions, a share of all, all but one a cell."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, Literal

import torch
from jaxtyping import Bool, Float, Int64
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from body.joints import JOINT_COUNT
from hps.points.augmentation.operation import STRICT, Draw, Operation, Share
from hps.points.cloud_batch import CloudBatch

FEWEST: Final = 32
"""A cloud that would keep fewer points of the body stays as it is: nothing could be learned from it."""


def random_points(batch: CloudBatch, draw: Draw, count: int) -> Int64[Tensor, "batch count"]:
    """Places of random points among those that are kept; 0 in a cloud that keeps none."""
    there = batch.keep.cumsum(1).to(batch.points.dtype)
    number = (draw.uniform(len(batch), count) * there[:, -1:]).floor().minimum(there[:, -1:] - 1)
    return torch.searchsorted(there, number + 0.5)


def without(batch: CloudBatch, away: Bool[Tensor, "batch points"], fewest: int = FEWEST) -> CloudBatch:
    """The batch with some points taken away, but in clouds that would have fewer than `fewest` left."""
    keep = batch.keep & ~away
    return replace(batch, keep=torch.where((keep.sum(1) >= fewest)[:, None], keep, batch.keep))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RemoveParts(Operation):
    """Takes away all points of some parts of the body, as DAPT does; which ones is drawn for each cloud."""

    kind: Literal["remove_parts"] = "remove_parts"
    most: Annotated[int, Field(ge=1, le=JOINT_COUNT)] = 6
    """Parts of a cloud; the number is drawn evenly from 1."""

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        count = (draw.between(0, self.most, len(batch)).floor() + 1) * chosen
        order = draw.uniform(len(batch), JOINT_COUNT).argsort(1).argsort(1)
        gone = torch.nn.functional.pad(order < count[:, None], (0, 2))  # neither NOT_BODY nor, at -1, UNKNOWN_PART
        return without(batch, gone.gather(1, batch.part.remainder(JOINT_COUNT + 2)))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RemoveRegion(Operation):
    """Takes away a connected region, as seen along the mean ray: what something before the person would hide.

    disc: the points nearest to one of them; side: those beyond a straight edge. The share of a cloud's points is drawn
    evenly. Clouds without rays are looked at along a level direction.
    """

    kind: Literal["remove_region"] = "remove_region"
    least: Share = 0.1
    most: Annotated[float, Field(ge=0, lt=1)] = 0.5
    shape: Literal["disc", "side", "either"] = "either"
    fewest: Annotated[int, Field(ge=0)] = FEWEST
    """A cloud that would keep fewer points stays as it is."""

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        rows = chosen.nonzero()[:, 0]
        keep = batch.keep.index_copy(0, rows, self._left(batch.rows(rows), draw))
        return replace(batch, keep=keep)

    def _left(self, batch: CloudBatch, draw: Draw) -> Bool[Tensor, "batch points"]:
        """What to keep of clouds that are all changed."""
        q = _picture(batch, draw)
        first = random_points(batch, draw, 1)
        anchor = q.gather(1, first[..., None].expand(-1, -1, 2))
        angle = draw.between(0, 2 * torch.pi, len(batch))
        edge = torch.stack([angle.cos(), angle.sin()], -1)
        as_disc = draw.uniform(len(batch)) < {"disc": 1.0, "side": 0.0, "either": 0.5}[self.shape]
        far = torch.where(as_disc[:, None], (q - anchor).square().sum(-1), (q * edge[:, None]).sum(-1))
        far = far.masked_fill(~batch.keep, torch.inf)
        share = draw.between(self.least, self.most, len(batch))
        count = (share * batch.keep.sum(1)).round().long()
        limit = far.sort(1).values.gather(1, (count - 1).clamp_min(0)[:, None])
        return without(batch, (far <= limit) & (count > 0)[:, None], self.fewest).keep


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Thin(Operation):
    """Keeps a random share of the points; the share is drawn evenly for each cloud."""

    kind: Literal["thin"] = "thin"
    least: Annotated[float, Field(gt=0, le=1)] = 0.3
    most: Annotated[float, Field(gt=0, le=1)] = 1.0

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        share = torch.where(chosen, draw.between(self.least, self.most, len(batch)), 1.0)
        return without(batch, draw.uniform(*batch.keep.shape) >= share[:, None])


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Grid(Operation):
    """Keeps one point in each cell of a grid: the first."""

    kind: Literal["grid"] = "grid"
    cell_m: Annotated[float, Field(gt=1e-4, le=1)] = 0.01

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        cell = (batch.points / self.cell_m).floor().long()
        low = cell.amin((0, 1))
        size = cell.amax((0, 1)) - low + 1
        cell = cell - low
        flat = (cell[..., 0] * size[1] + cell[..., 1]) * size[2] + cell[..., 2]
        flat = torch.where(batch.keep, flat, -1)
        value, order = torch.sort(flat, dim=1, stable=True)
        again = torch.nn.functional.pad(value[:, 1:] == value[:, :-1], (1, 0))
        away = torch.zeros_like(batch.keep).scatter(1, order, again)
        return without(batch, away & chosen[:, None])


def _picture(batch: CloudBatch, draw: Draw) -> Float[Tensor, "batch points 2"]:
    """Points as seen from afar along the mean ray: metres across and up."""
    view = (batch.rays * batch.keep[..., None]).sum(1)
    heading = draw.between(0, 2 * torch.pi, len(batch))
    level = torch.stack([heading.cos(), heading.sin(), torch.zeros_like(heading)], -1)
    known = view[:, :2].norm(dim=-1, keepdim=True) > 1e-3
    view = torch.nn.functional.normalize(torch.where(known, view, level), dim=-1)
    across = torch.nn.functional.normalize(
        torch.stack([-view[:, 1], view[:, 0], torch.zeros_like(heading)], -1), dim=-1
    )
    up = torch.linalg.cross(view, across, dim=-1)
    return batch.points @ torch.stack([across, up], -1)
