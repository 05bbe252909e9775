"""Threshold-adaptive loss scaling (Dwivedi et al., TokenHMR, CVPR 2024): small errors in the picture hardly count.

Networks that are trained to project onto 2D keypoints through a camera that is wrong learn wrong poses. TokenHMR's
remedy is to lower the loss where the projection is as near to the keypoint as the true pose's would be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from body.joints import JOINT_COUNT
from body.skinning import Skinning
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.person_view import PersonView, person_view
from hps.rgb.lifter.training.config import LifterTraining
from hps.rgb.lifter.training.degrading import with_focal
from hps.rgb.lifter.training.losses import DISTANCE, ViewTruth, distance_loss, joints_error_mm
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.views import project

ALPHA: Final = 0.05
"""What is left of the loss below the threshold."""
PROJECTED: Final = 5.0
"""Weight of a joint's distance in the picture, in sizes of the view: about that of the landmarks' distance."""
_NEAREST: Final = 0.1
_FARTHEST: Final = 6.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Projecting:
    """A training in which half of the people have no labels but 2D joints, which bodies must project onto.

    The camera of a body is found by its projection alone, as networks of single pictures do it.
    """

    focal_factor: float = 1.0
    """Of the focal length that is believed in over the true one."""
    thresholds: Float[Tensor, "joints"] | None = None
    """Squared distances in the picture below which a joint counts ALPHA times as much; None: all count alike."""

    def __call__(
        self,
        network: LifterNetwork,
        batch: LiftingBatch,
        config: LifterTraining,
        skinning: Skinning,
        *,
        likelihood: bool,
    ) -> tuple[dict[str, Tensor], float]:
        """Losses, and the mean error of joints in millimetres."""
        view = person_view(self.believed(batch).keypoints, network.config.belief)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            lift = network(view)
        truth = ViewTruth.of(batch, view, network.config.shapes)
        half = len(batch) // 2
        labelled = distance_loss(lift.rows(slice(0, half)), truth.rows(slice(0, half)))
        joints = lift.root(view)[:, None] + lift.relative[:, :JOINT_COUNT]
        apart = projected(joints, view) - labels(batch, view, self.believed(batch))
        found = {"distance": DISTANCE * labelled, "projected": PROJECTED * scaled_loss(apart, self.thresholds)}
        return found, joints_error_mm(lift, truth)

    def believed(self, batch: LiftingBatch) -> LiftingBatch:
        """The people with the camera that is believed in."""
        factor = torch.full((len(batch),), self.focal_factor)
        return replace(batch, keypoints=with_focal(batch.keypoints, factor))


def scaled_loss(
    apart: Float[Tensor, "batch joints 2"], thresholds: Float[Tensor, "joints"] | None
) -> Float[Tensor, ""]:
    """Mean absolute difference; joints whose squared distance is at most their threshold count ALPHA times."""
    each = apart.abs().sum(-1)
    if thresholds is not None:
        each = torch.where(apart.detach().square().sum(-1) > thresholds, each, ALPHA * each)
    return each.mean()


def measured_thresholds(batch: LiftingBatch, believed: LiftingBatch) -> Float[Tensor, "joints"]:
    """Mean squared distance, of each joint, of the true body projected by the believed camera from its best place."""
    view = person_view(believed.keypoints)
    truth = ViewTruth.of(batch, view, batch.betas.shape[1])
    q = labels(batch, view, believed)
    joints = truth.relative[:, :JOINT_COUNT]
    root = best_root(joints, q * view.size[:, None, None])
    return (projected(joints + root[:, None], view) - q).square().sum(-1).mean(0)


def best_root(
    relative: Float[Tensor, "batch joints 3"], tangents: Float[Tensor, "batch joints 2"]
) -> Float[Tensor, "batch 3"]:
    """The place from which points are seen nearest to these x / z and y / z: linear least squares."""
    u = tangents.flatten(1)[..., None]
    eye = torch.eye(2).repeat(relative.shape[1], 1).expand(len(relative), -1, -1)
    z = relative[..., 2:].expand(-1, -1, 2).flatten(1)[..., None]
    return torch.linalg.lstsq(torch.cat([eye, -u], 2), u * z - relative[..., :2].flatten(1)[..., None]).solution[..., 0]


def projected(p: Float[Tensor, "batch joints 3"], view: PersonView) -> Float[Tensor, "batch joints 2"]:
    """Points of the view as it sees them, in units of its size."""
    return (p[..., :2] / p[..., 2:].clamp_min(_NEAREST) / view.size[:, None, None]).clamp(-_FARTHEST, _FARTHEST)


def labels(batch: LiftingBatch, view: PersonView, believed: LiftingBatch) -> Float[Tensor, "batch joints 2"]:
    """Where the joints are in the picture, as the view takes them that believes in another camera."""
    q = project(batch.landmarks[:, :JOINT_COUNT], batch.keypoints.K)
    q = torch.cat([q, torch.ones_like(q[..., :1])], -1)
    rays = torch.linalg.solve(believed.keypoints.K, q.transpose(1, 2)).transpose(1, 2)
    return projected(rays @ view.R_view_camera.transpose(1, 2), view)
