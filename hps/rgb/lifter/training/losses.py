"""What the lifting network is trained to do: landmarks with their spread, the root, and a body that agrees."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from body.joints import JOINT_COUNT
from body.skinning import Skinning
from hps.rgb.lifter.person_view import PersonView
from hps.rgb.lifter.view_lift import ViewLift
from hps.rgb.lifter.widening import split_errors
from hps.rgb.lifting_batch import LiftingBatch

DISTANCE: Final = 10.0
"""Weight of a landmark's distance, 1/m."""
LIKELIHOOD: Final = 0.1
"""Of the negative logarithm of the Gaussian density: an axis each, mean over landmarks."""
DIRECTION: Final = 1.0
REACH: Final = 1.0
BODY: Final = 5.0
"""Weight of the distance of the posed body's joints and markers, 1/m."""
TURNS: Final = 0.5
BETAS: Final = 0.1
CHILD: Final = 0.5
SOFT_M: Final = 0.002
"""Errors below this count less, so that the gradient has no jump at 0."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ViewTruth:
    """The true bodies in the axes of the view; what `ViewLift` is compared with."""

    relative: Float[Tensor, "batch landmarks 3"]
    root: Float[Tensor, "batch 3"]
    """Its depth is at least 10 cm: a pelvis behind the camera is nowhere that a view can say."""
    rotations: Float[Tensor, "batch 24 3 3"]
    betas: Float[Tensor, "batch shapes"]
    child: Float[Tensor, "batch"]

    @classmethod
    def of(cls, truth: LiftingBatch, view: PersonView, shapes: int) -> ViewTruth:
        """The truth turned into the view."""
        R = view.R_view_camera
        root = view.root_in_view(truth.landmarks[:, 0])
        root = torch.cat([root[:, :2], root[:, 2:].clamp_min(0.1)], 1)
        return cls(
            relative=(truth.landmarks - truth.landmarks[:, :1]) @ R.transpose(1, 2),
            root=root,
            rotations=torch.cat([R[:, None] @ truth.rotations[:, :1], truth.rotations[:, 1:]], 1),
            betas=truth.betas[:, :shapes],
            child=truth.child,
        )

    def rows(self, which: slice) -> ViewTruth:
        """Of some of the people."""
        return ViewTruth(**{field.name: getattr(self, field.name)[which] for field in fields(self)})


def distance_loss(lift: ViewLift, truth: ViewTruth) -> Float[Tensor, ""]:
    """Mean distance of the landmarks from the true ones, metres."""
    return _length(lift.relative - truth.relative)[:, 1:].mean()


def likelihood_loss(lift: ViewLift, view: PersonView, truth: ViewTruth) -> Float[Tensor, ""]:
    """Mean negative logarithm of Gaussian densities: landmarks across the pelvis's ray and along it, and the root.

    The root's errors are of its direction and of the logarithm of its depth: of its place over its depth.
    """
    error = split_errors(lift.relative - truth.relative, truth.root)[:, 1:]
    sideways, reach = _root_errors(lift, view, truth)
    root = torch.cat([sideways * view.size[:, None], reach[:, None]], 1)
    return _gaussian(error, lift.log_sigma[:, 1:, [0, 0, 1]]) + _gaussian(root, lift.root_log_sigma[:, [0, 0, 1]])


def root_loss(lift: ViewLift, view: PersonView, truth: ViewTruth) -> Float[Tensor, ""]:
    """Absolute differences of the pelvis's direction, in sizes of the view, and of the logarithm of its depth."""
    sideways, reach = _root_errors(lift, view, truth)
    return DIRECTION * sideways.abs().mean() + REACH * reach.abs().mean()


def body_loss(lift: ViewLift, truth: ViewTruth, skinning: Skinning) -> Float[Tensor, ""]:
    """How far the SMPL parameters, and the joints and markers that they pose, are from the true ones.

    Of the first half of the people: posing costs as much as a third of the network, and they come in no order.
    """
    half = slice(0, (len(lift.betas) + 1) // 2)
    rotations = lift.rotations
    vertices, joints = skinning.pose(lift.betas[half], rotations[half], None, lift.child[half])
    posed = torch.cat([joints, vertices], 1)
    posed = _length(posed - posed[:, :1] - truth.relative[half])[:, 1:].mean()
    return (
        BODY * posed
        + TURNS * (rotations - truth.rotations).abs().mean()
        + BETAS * (lift.betas - truth.betas).abs().mean()
        + CHILD * (lift.child - truth.child).abs().mean()
    )


def joints_error_mm(lift: ViewLift, truth: ViewTruth) -> float:
    """Mean error of the 24 joints from the pelvis, millimetres: what a log shows."""
    error = (lift.relative - truth.relative)[:, :JOINT_COUNT].detach().norm(dim=-1)
    return 1000 * float(error.mean())


def _root_errors(
    lift: ViewLift, view: PersonView, truth: ViewTruth
) -> tuple[Float[Tensor, "batch 2"], Float[Tensor, "batch"]]:
    """Of the direction, in sizes of the view, and of the logarithm of the depth."""
    direction = truth.root[:, :2] / truth.root[:, 2:] / view.size[:, None]
    reach = (truth.root[:, 2] * view.size).log()
    return lift.direction - direction.clamp(-4, 4), lift.log_reach - reach


def _gaussian(error: Tensor, log_sigma: Tensor) -> Float[Tensor, ""]:
    return (0.5 * (error * (-log_sigma).exp()).square() + log_sigma).mean()


def _length(v: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
    return (v.square().sum(-1) + SOFT_M**2).sqrt() - SOFT_M
