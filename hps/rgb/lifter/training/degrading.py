"""What else can be wrong with keypoints: limbs out of sight, people cut off, a focal length that is only supposed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED

LIMBS: Final = (
    ("left_elbow", "left_wrist", "left_pinky", "left_index", "left_thumb"),
    ("right_elbow", "right_wrist", "right_pinky", "right_index", "right_thumb"),
    ("left_knee", "left_ankle", "left_heel", "left_foot_index"),
    ("right_knee", "right_ankle", "right_heel", "right_foot_index"),
    ("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
)
FEWEST: Final = 7
"""Keypoints that are left to everybody."""
FOCAL_SIGMA: Final = 0.25
"""Of the logarithm of a supposed focal length over the true one: a field of view of 60° is thought 47° to 75°."""
_BY_LINE: Final = 0.4


def hidden(batch: KeypointBatch, share: float, generator: torch.Generator) -> KeypointBatch:
    """Some people lose limbs, each with a chance of two in five, or all keypoints beyond a line across them."""
    n = len(batch)
    if not n:
        return batch
    lost = torch.rand((n, len(LIMBS)), generator=generator) < 0.4
    away = (lost.to(torch.float32) @ _limb_masks()) > 0
    line = torch.rand((n, 1), generator=generator) < _BY_LINE
    away = torch.where(line, _beyond_a_line(batch, generator), away)
    away &= torch.rand((n, 1), generator=generator) < share
    left = ((batch.confidence > 0) & ~away).sum(1, keepdim=True)
    return without(batch, away & (left >= FEWEST))


def without(batch: KeypointBatch, away: Bool[Tensor, "batch keypoints"]) -> KeypointBatch:
    """The people without these keypoints: of no confidence, and in the middle of the others."""
    confidence = batch.confidence * ~away
    weight = (confidence > 0).to(batch.q.dtype)[..., None]
    middle = (batch.q * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1)
    return replace(batch, confidence=confidence, q=torch.where(away[..., None], middle, batch.q))


def with_unsure_focal(batch: KeypointBatch, share: float, generator: torch.Generator) -> KeypointBatch:
    """Some people's focal length is supposed, and off by FOCAL_SIGMA."""
    n = len(batch)
    chosen = torch.rand(n, generator=generator) < share
    factor = torch.where(chosen, torch.exp(FOCAL_SIGMA * torch.randn(n, generator=generator)), torch.ones(n))
    return replace(with_focal(batch, factor), focal_known=batch.focal_known & ~chosen)


def with_focal(batch: KeypointBatch, factor: Float[Tensor, "batch"]) -> KeypointBatch:
    """The people with other focal lengths believed."""
    K = batch.K.clone()
    K[:, :2, :2] *= factor[:, None, None]
    return replace(batch, K=K)


def _beyond_a_line(batch: KeypointBatch, generator: torch.Generator) -> Bool[Tensor, "batch keypoints"]:
    """What lies farther in a random direction of the picture, mostly down or up, than a random share of it all."""
    n = len(batch)
    angle = torch.randint(4, (n,), generator=generator) * (torch.pi / 2)
    angle = angle + 0.3 * torch.randn(n, generator=generator)
    way = torch.stack([angle.cos(), angle.sin()], 1)
    along = (batch.q @ way[..., None])[..., 0]
    share = 0.3 + 0.6 * torch.rand((n, 1), generator=generator)
    return along > torch.quantile(along, 0.5, dim=1, keepdim=True).lerp(along.amax(1, keepdim=True), share * 2 - 1)


@cache
def _limb_masks() -> Float[Tensor, "limbs keypoints"]:
    masks = torch.zeros(len(LIMBS), len(LIFTED))
    for row, names in zip(masks, LIMBS):
        row[[LIFTED.index(name) for name in names]] = 1
    return masks
