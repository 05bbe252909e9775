"""The same keypoints with a camera that is only supposed."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from hps.rgb.keypoint_batch import KeypointBatch


def with_camera(batch: KeypointBatch, focal: Float[Tensor, "batch"], center: Float[Tensor, "batch 2"]) -> KeypointBatch:
    """The people with these intrinsics, square pixels, not measured."""
    K = torch.zeros_like(batch.K)
    K[:, 0, 0] = K[:, 1, 1] = focal
    K[:, :2, 2], K[:, 2, 2] = center, 1
    return replace(batch, K=K, focal_known=torch.zeros_like(batch.focal_known))


def with_diagonal_focal(batch: KeypointBatch) -> KeypointBatch:
    """The people with the picture's diagonal for the focal length (53° along it), about the picture's middle.

    As CLIFF supposes (Li et al., ECCV 2022, section 3.3).
    """
    return with_camera(batch, batch.size.norm(dim=-1), (batch.size - 1) / 2)
