"""Operations that move a whole person: turns, tilts, shifts, mirror images, sizes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from body.rotations import axis_angle_to_matrix
from hps.points.augmentation.body_facts import BodyFacts
from hps.points.augmentation.operation import STRICT, Degrees, Draw, Length, Operation
from hps.points.cloud_batch import CloudBatch


def turned(batch: CloudBatch, R: Float[Tensor, "batch 3 3"], facts: BodyFacts) -> CloudBatch:
    """Everything turned by R about the origin: points, rays, offsets, landmarks, parameters.

    SMPL turns a body about its rest pelvis, so that transl is not simply turned: the posed pelvis is.
    """
    rest = facts.rest_pelvis(batch.betas, batch.child)
    root = R @ batch.rotations[:, 0]
    return replace(
        batch,
        points=_turned(batch.points, R),
        rays=_turned(batch.rays, R),
        skin_offset=_turned(batch.skin_offset, R),
        landmarks=_turned(batch.landmarks, R),
        rotations=torch.cat([root[:, None], batch.rotations[:, 1:]], 1),
        transl=_turned((batch.transl + rest)[:, None], R)[:, 0] - rest,
    )


def _turned(p: Float[Tensor, "batch points 3"], R: Float[Tensor, "batch 3 3"]) -> Float[Tensor, "batch points 3"]:
    """Three long rows at a time: twice as fast as a product whose rows have three entries."""
    return (R @ p.mT).mT.contiguous()


def shifted(batch: CloudBatch, t: Float[Tensor, "batch 3"]) -> CloudBatch:
    """Everything moved by t."""
    return replace(
        batch,
        points=batch.points + t[:, None],
        landmarks=batch.landmarks + t[:, None],
        transl=batch.transl + t,
    )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Turn(Operation):
    """A turn of each cloud about the origin; turns that follow each other are done as one."""

    @abstractmethod
    def turns(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> Float[Tensor, "batch 3 3"]:
        """One for each cloud; the identity for those that are not chosen."""

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        return turned(batch, self.turns(batch, chosen, draw), draw.facts)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Yaw(Turn):
    """Turns about the upright axis, evenly up to `most_deg` either way."""

    kind: Literal["yaw"] = "yaw"
    most_deg: Degrees = 180.0
    cameras: Literal["any", "known", "unknown"] = "any"
    """known, unknown: only clouds that have rays, or none. Those of unknown cameras may stand at any heading."""

    def turns(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> Float[Tensor, "batch 3 3"]:
        if self.cameras != "any":
            known = batch.rays.abs().amax((1, 2)) > 0
            chosen = chosen & (known if self.cameras == "known" else ~known)
        most = self.most_deg * torch.pi / 180
        angle = draw.between(-most, most, len(batch)) * chosen
        return axis_angle_to_matrix(angle[:, None] * angle.new_tensor([0.0, 0, 1]))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Tilt(Turn):
    """Turns about a level axis, as when gravity is not known exactly."""

    kind: Literal["tilt"] = "tilt"
    sigma_deg: Degrees = 2.0
    """Of the turns about x and about y, each."""

    def turns(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> Float[Tensor, "batch 3 3"]:
        angles = draw.normal(len(batch), 2) * (self.sigma_deg * torch.pi / 180) * chosen[:, None]
        return axis_angle_to_matrix(torch.nn.functional.pad(angles, (0, 1)))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Shift(Operation):
    """Moves clouds off the origin, where the middle of their points is wrongly known."""

    kind: Literal["shift"] = "shift"
    sigma_m: Length = 0.05

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        return shifted(batch, draw.normal(len(batch), 3) * self.sigma_m * chosen[:, None])


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Center(Operation):
    """Moves the median of the points that are left to the origin, as `hps.points.canonical` would have placed them."""

    kind: Literal["center"] = "center"
    most: Annotated[int, Field(ge=0)] = 512
    """So many points at most, evenly taken, are looked at; 0: all. Clouds are in no order, or in that of an image."""

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        step = max(batch.keep.shape[1] // self.most, 1) if self.most else 1
        there = batch.points[:, ::step].masked_fill(~batch.keep[:, ::step, None], torch.nan)
        middle = there.nanmedian(1).values.nan_to_num()  # nothing is left of a cloud: it stays
        return shifted(batch, -middle * chosen[:, None])


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Mirror(Operation):
    """Exchanges left and right: the mirror image in the plane y = 0, whose cameras are still towards -x."""

    kind: Literal["mirror"] = "mirror"
    share: Annotated[float, Field(ge=0, le=1)] = 0.5

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        facts, device = draw.facts, batch.points.device
        flip = torch.where(chosen[:, None], batch.points.new_tensor([1.0, -1, 1]), batch.points.new_ones(3))
        # The rest body is its own image in x = 0. So the image of the posed body is the body whose joints turn as their
        # partners do, seen in that plane, and whose root is seen in both planes.
        side = torch.where(chosen[:, None], batch.points.new_tensor([-1.0, 1, 1]), batch.points.new_ones(3))
        parts, landmarks = facts.part_mirror.to(device), facts.landmark_mirror.to(device)
        joints = parts[: batch.rotations.shape[1]]
        turned = torch.where(chosen[:, None, None, None], batch.rotations[:, joints], batch.rotations)
        turned = side[:, None, :, None] * turned * side[:, None, None, :]
        root = flip[:, :, None] * batch.rotations[:, 0] * side[:, None, :]
        rest = facts.rest_pelvis(batch.betas, batch.child)
        placed = torch.where(chosen[:, None, None], batch.landmarks[:, landmarks], batch.landmarks)
        return replace(
            batch,
            points=batch.points * flip[:, None],
            rays=batch.rays * flip[:, None],
            skin_offset=batch.skin_offset * flip[:, None],
            part=torch.where(chosen[:, None], parts[batch.part], batch.part),
            landmarks=placed * flip[:, None],
            rotations=torch.cat([root[:, None], turned[:, 1:]], 1),
            transl=(batch.transl + rest) * flip - rest,
        )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Scale(Operation):
    """Makes people larger or smaller; their parameters then no longer describe them (`exact`)."""

    kind: Literal["scale"] = "scale"
    shaping: ClassVar[bool] = True
    low: Annotated[float, Field(gt=0.1, le=1)] = 0.9
    high: Annotated[float, Field(ge=1, lt=10)] = 1.1

    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        size = torch.where(chosen, draw.between(self.low, self.high, len(batch)), 1.0)[:, None]
        rest = draw.facts.rest_pelvis(batch.betas, batch.child)
        return replace(
            batch,
            points=batch.points * size[:, None],
            skin_offset=batch.skin_offset * size[:, None],
            landmarks=batch.landmarks * size[:, None],
            transl=(batch.transl + rest) * size - rest,
            exact=batch.exact & ~chosen,
        )
