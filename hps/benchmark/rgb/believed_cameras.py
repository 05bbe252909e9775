"""What a method is told of the camera: the truth, a supposed focal length, or nothing."""

from __future__ import annotations

from typing import Final, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.supposed_camera import with_camera, with_diagonal_focal

Believed = Literal["true", "constant", "none"]
FAR: Final = 20.0
"""Sides of the person's box from which a picture is as good as seen from infinitely far: rays differ by 3 degrees."""


def as_believed(batch: KeypointBatch, camera: Believed) -> KeypointBatch:
    """The same keypoints with another camera.

    constant: the focal length is the picture's diagonal. none: a very long lens about the middle of the person's
    keypoints, which takes away where in the picture and how near the person is.
    """
    if camera == "true":
        return batch
    if camera == "constant":
        return with_diagonal_focal(batch)
    low, high = box(batch)
    side = (high - low).amax(-1)
    return with_camera(batch, FAR * side.clamp_min(1.0), (low + high) / 2)


def box(batch: KeypointBatch) -> tuple[Float[Tensor, "batch 2"], Float[Tensor, "batch 2"]]:
    """Corners of the box about the keypoints that are known."""
    unknown = (batch.confidence == 0)[..., None]
    low, high = (batch.q.masked_fill(unknown, end) for end in (torch.inf, -torch.inf))
    return low.amin(1), high.amax(1)
