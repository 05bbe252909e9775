"""What a method is told of the camera: the truth, a supposed focal length, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from hps.rgb.keypoint_batch import KeypointBatch

Believed = Literal["true", "constant", "none"]
FAR: Final = 20.0
"""Sides of the person's box from which a picture is as good as seen from infinitely far: rays differ by 3 degrees."""


def as_believed(batch: KeypointBatch, camera: Believed) -> KeypointBatch:
    """The same keypoints with another camera.

    constant: the focal length is the picture's diagonal (53 degrees across it), as CLIFF supposes (Li et al., ECCV
    2022, section 3.3), about the picture's middle. none: a very long lens about the middle of the person's keypoints,
    which takes away where in the picture and how near the person is.
    """
    if camera == "true":
        return batch
    if camera == "constant":
        return with_camera(batch, batch.size.norm(dim=-1), (batch.size - 1) / 2)
    low, high = box(batch)
    side = (high - low).amax(-1)
    return with_camera(batch, FAR * side.clamp_min(1.0), (low + high) / 2)


def with_camera(batch: KeypointBatch, focal: Float[Tensor, "batch"], center: Float[Tensor, "batch 2"]) -> KeypointBatch:
    """The same keypoints with supposed intrinsics."""
    K = torch.zeros_like(batch.K)
    K[:, 0, 0] = K[:, 1, 1] = focal
    K[:, :2, 2], K[:, 2, 2] = center, 1
    return replace(batch, K=K, focal_known=torch.zeros_like(batch.focal_known))


def box(batch: KeypointBatch) -> tuple[Float[Tensor, "batch 2"], Float[Tensor, "batch 2"]]:
    """Corners of the box about the keypoints that are known."""
    unknown = (batch.confidence == 0)[..., None]
    low, high = (batch.q.masked_fill(unknown, end) for end in (torch.inf, -torch.inf))
    return low.amin(1), high.amax(1)
