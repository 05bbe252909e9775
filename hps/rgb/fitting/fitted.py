"""Bodies fitted to keypoints: what every fit gives, and what only pictures tell."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hps.points.fitting.fitted import FittedBodies


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KeypointBodies(FittedBodies):
    """A batch of bodies in the frames of their cameras. `landmark_rms` is to the lifter's, up to a translation."""

    K: Float[Tensor, "batch 3 3"]
    """Intrinsics with the focal length that was found; what was given where that was known."""
    focal_sigma: Float[Tensor, "batch"]
    """Standard deviation of the logarithm of the focal length as the energy has it, which is to be multiplied by
    `COVARIANCE_SPREAD` like all others; 0 where it was known."""
    keypoint_rms: Float[Tensor, "batch"]
    """Root mean square distance of the keypoints from the fitted body's, along an axis, in standard deviations; NaN
    where none was seen."""
    other_energy: Float[Tensor, "batch"]
    """How much less likely, as an energy, the other body is that was found, mirrored in depth; infinite for none."""
    other_apart_m: Float[Tensor, "batch"]
    """Mean distance of its joints from these, the pelvises in one place; 0 where there is none."""
