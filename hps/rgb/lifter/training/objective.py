"""From simulated people to losses: their keypoints are degraded, lifted, and compared with the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from body.skinning import Skinning
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.person_view import person_view
from hps.rgb.lifter.training.config import LifterTraining
from hps.rgb.lifter.training.degrading import hidden, with_unsure_focal
from hps.rgb.lifter.training.losses import (
    DISTANCE,
    LIKELIHOOD,
    ViewTruth,
    body_loss,
    distance_loss,
    joints_error_mm,
    likelihood_loss,
    root_loss,
)
from hps.rgb.lifter.training.ordinal import ordinal_losses
from hps.rgb.lifting_batch import LiftingBatch

DetectorErrors = Callable[[LiftingBatch, torch.Generator], LiftingBatch]
"""Makes exact keypoints err as a detector's do."""


Objective = Callable[..., tuple[dict[str, Tensor], float]]
"""What a training lowers; called as `losses` is."""


def degraded(
    batch: LiftingBatch, config: LifterTraining, errors: DetectorErrors, generator: torch.Generator
) -> LiftingBatch:
    """The people as the network is shown them: some exactly, most as a detector sees them, some in part."""
    keypoints = batch.keypoints
    if config.detected:
        detected = torch.rand(len(batch), generator=generator) < config.detected
        keypoints = _chosen(detected, errors(batch, generator).keypoints, keypoints)
    keypoints = hidden(keypoints, config.hidden, generator)
    return replace(batch, keypoints=with_unsure_focal(keypoints, config.focal_unsure, generator))


def losses(
    network: LifterNetwork, batch: LiftingBatch, config: LifterTraining, skinning: Skinning, *, likelihood: bool
) -> tuple[dict[str, Tensor], float]:
    """Weighted losses of people, to be summed, and the mean error of their joints from the pelvis, millimetres."""
    view = person_view(batch.keypoints, network.config.belief)
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
        lift = network(view)
    truth = ViewTruth.of(batch, view, network.config.shapes)
    error_mm = joints_error_mm(lift, truth)
    if config.supervision == "ordinal":
        return ordinal_losses(lift, truth), error_mm
    found = {
        "distance": DISTANCE * distance_loss(lift, truth),
        "root": root_loss(lift, view, truth),
        "body": body_loss(lift, truth, skinning),
    }
    if likelihood:
        found["likelihood"] = LIKELIHOOD * likelihood_loss(lift, view, truth)
    return found, error_mm


def _chosen(which: Tensor, a: KeypointBatch, b: KeypointBatch) -> KeypointBatch:
    """Rows of `a` where `which` is true, of `b` elsewhere; both are of the same pictures."""
    return replace(
        b,
        q=torch.where(which[:, None, None], a.q, b.q),
        confidence=torch.where(which[:, None], a.confidence, b.confidence),
        pixel_size=torch.where(which, a.pixel_size, b.pixel_size),
    )
