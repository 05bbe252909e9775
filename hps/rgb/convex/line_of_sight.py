"""Keypoints as a camera that looks at the middle of the person would see them, on its plane at distance 1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifter.person_view import onto_z

LEAST_CONFIDENCE = 0.1
"""Keypoints of less do not widen the box."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LineOfSight:
    """Each person's keypoints in a camera turned towards the person's box."""

    p: Float[Tensor, "rows keypoints 2"]
    """Slopes x/z and y/z."""
    R_camera_sight: Float[Tensor, "rows 3 3"]
    """p_camera = R_camera_sight @ p_sight; the smallest turn that does it."""
    slope_px: Float[Tensor, "rows"]
    """Pixels to a slope of 1 near the middle: the focal length along the ray."""


def line_of_sight(batch: KeypointBatch) -> LineOfSight:
    """In the dtype of float64. Slopes of keypoints more than 80° off the middle are held there."""
    q, K = batch.q.double(), batch.K.double()
    known = batch.confidence > LEAST_CONFIDENCE
    known = torch.where(known.any(1, keepdim=True), known, torch.ones_like(known))
    low = torch.where(known[..., None], q, torch.inf).amin(1)
    high = torch.where(known[..., None], q, -torch.inf).amax(1)
    ends = torch.cat([0.5 * (low + high)[:, None], q], 1)
    rays = torch.linalg.solve(K, torch.cat([ends, torch.ones_like(ends[..., :1])], 2).mT).mT
    rays = rays / rays.norm(dim=2, keepdim=True)
    R = onto_z(rays[:, 0]).mT
    seen = rays[:, 1:] @ R
    focal = 0.5 * (K[:, 0, 0] + K[:, 1, 1])
    z = seen[..., 2:].clamp_min(0.17)
    return LineOfSight(p=seen[..., :2] / z, R_camera_sight=R, slope_px=focal / rays[:, 0, 2])
