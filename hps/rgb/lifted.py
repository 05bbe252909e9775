"""What a lifter says of keypoints: landmarks about the pelvis and how sure they are, the root, and SMPL parameters."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LiftedBodies:
    """A row for each person; the camera's frame (OpenCV axes), metres and radians."""

    relative: Float[Tensor, "batch landmarks 3"]
    """Landmarks (`hps.points.landmarks`) from the pelvis joint."""
    sigma: Float[Tensor, "batch landmarks 2"]
    """Standard deviation of each landmark from the pelvis: along any axis across the pelvis's ray, and along it."""
    root: Float[Tensor, "batch 3"]
    """Of the pelvis joint."""
    root_sigma: Float[Tensor, "batch 2"]
    """Of the root, across its ray and along it."""
    rotations: Float[Tensor, "batch 24 3 3"]
    """Relative to the parent, the root first: the SMPL-format answer before any fit."""
    betas: Float[Tensor, "batch shapes"]
    child: Float[Tensor, "batch"]

    @property
    def landmarks(self) -> Float[Tensor, "batch landmarks 3"]:
        """In the camera's frame."""
        return self.root[:, None] + self.relative
