"""Bodies as the network says them, in the axes of a person's view."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from body.joints import MIRROR
from body.rotations import rotation_6d_to_matrix
from hps.rgb.lifted import LiftedBodies
from hps.rgb.lifter.person_view import PersonView


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ViewLift:
    """A row for each person; metres."""

    relative: Float[Tensor, "batch landmarks 3"]
    """From the pelvis joint."""
    log_sigma: Float[Tensor, "batch landmarks 2"]
    """Of metres, across the pelvis's ray and along it."""
    direction: Float[Tensor, "batch 2"]
    """x / z and y / z of the pelvis, in units of the view's size."""
    log_reach: Float[Tensor, "batch"]
    """Logarithm of the pelvis's depth times the view's size: half of the length that the keypoints span, as it were."""
    root_log_sigma: Float[Tensor, "batch 2"]
    """Of the root over its depth, across its ray and along it."""
    rotations_6d: Float[Tensor, "batch 24 6"]
    betas: Float[Tensor, "batch shapes"]
    child: Float[Tensor, "batch"]

    @property
    def rotations(self) -> Float[Tensor, "batch 24 3 3"]:
        """Relative to the parent, the root first."""
        return rotation_6d_to_matrix(self.rotations_6d)

    def root(self, view: PersonView) -> Float[Tensor, "batch 3"]:
        """Of the pelvis joint, in the view."""
        depth = self.log_reach.exp() / view.size
        sideways = self.direction * view.size[:, None]
        return torch.cat([sideways, torch.ones_like(sideways[:, :1])], 1) * depth[:, None]

    def rows(self, which: slice) -> ViewLift:
        """Of some of the people."""
        return ViewLift(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def mirrored(self, partner: Int64[Tensor, "landmarks"]) -> ViewLift:
        """What the person in the mirror does. partner: of each landmark, on the other side."""
        x = self.relative.new_tensor([-1.0, 1.0, 1.0])
        rotated = self.relative.new_tensor([1.0, -1.0, -1.0, -1.0, 1.0, 1.0])
        return ViewLift(
            relative=self.relative[:, partner] * x,
            log_sigma=self.log_sigma[:, partner],
            direction=self.direction * x[:2],
            log_reach=self.log_reach,
            root_log_sigma=self.root_log_sigma,
            rotations_6d=self.rotations_6d[:, list(MIRROR)] * rotated,
            betas=self.betas,
            child=self.child,
        )


def averaged(a: ViewLift, b: ViewLift) -> ViewLift:
    """The mean of two answers; their variances are of the mixture of both."""
    # the columns of rotations are unit vectors before they are averaged, so that each answer counts the same
    means = {field.name: (getattr(a, field.name) + getattr(b, field.name)) / 2 for field in fields(ViewLift)}
    six = [lift.rotations[..., :2].transpose(-1, -2).flatten(-2) for lift in (a, b)]
    means["rotations_6d"] = (six[0] + six[1]) / 2
    apart = (a.relative - b.relative) / 2
    across, along = apart[..., :2].square().mean(-1), apart[..., 2].square()
    variance = ((2 * a.log_sigma).exp() + (2 * b.log_sigma).exp()) / 2 + torch.stack([across, along], -1)
    means["log_sigma"] = variance.log() / 2
    along = ((a.log_reach - b.log_reach) / 2).square()
    root = ((2 * a.root_log_sigma).exp() + (2 * b.root_log_sigma).exp()) / 2
    root = torch.stack([root[:, 0], root[:, 1] + along], 1)  # across, the two answers hardly differ
    means["root_log_sigma"] = root.log() / 2
    return ViewLift(**means)


def in_camera(lift: ViewLift, view: PersonView) -> LiftedBodies:
    """The bodies in the frame of the cameras, as every lifter's answer is."""
    root = lift.root(view)
    R_camera_view = view.R_view_camera.transpose(1, 2)
    rotations = lift.rotations
    return LiftedBodies(
        relative=lift.relative @ R_camera_view.transpose(1, 2),
        sigma=lift.log_sigma.exp(),
        root=view.root_in_camera(root),
        root_sigma=lift.root_log_sigma.exp() * root[:, 2:].abs(),
        rotations=torch.cat([R_camera_view[:, None] @ rotations[:, :1], rotations[:, 1:]], 1),
        betas=lift.betas,
        child=lift.child,
    )
