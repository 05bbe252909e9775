"""Keypoints with the bodies that they show: what lifters are trained and judged on."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from jaxtyping import Float, Int64
from torch import Tensor

from hps.rgb.keypoint_batch import KeypointBatch


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LiftingBatch:
    """Truth in the camera's frame (OpenCV axes), metres and radians; `hps.points.landmarks` in their order."""

    keypoints: KeypointBatch
    landmarks: Float[Tensor, "batch landmarks 3"]
    """The 24 joints, then the 64 markers."""
    rotations: Float[Tensor, "batch 24 3 3"]
    """Relative to the parent, the root first."""
    betas: Float[Tensor, "batch shapes"]
    child: Float[Tensor, "batch"]
    transl: Float[Tensor, "batch 3"]
    subject: Int64[Tensor, "batch"]
    """Number of the person in the body bank."""
    motion: Int64[Tensor, "batch"]
    """Number of the motion in the sampler's list."""

    def __len__(self) -> int:
        """Number of people."""
        return len(self.landmarks)

    def rows(self, which: Any) -> LiftingBatch:
        """Some of them: a slice, or a tensor of indices or of truths."""
        plain = {field.name: getattr(self, field.name)[which] for field in fields(self) if field.name != "keypoints"}
        return replace(self, keypoints=self.keypoints.rows(which), **plain)
