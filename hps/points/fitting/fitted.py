"""Fitted bodies as a value."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FittedBodies:
    """A batch of bodies, in the frame of their landmarks. Metres, radians; tensors as the landmarks were."""

    rotations: Float[Tensor, "batch 24 3 3"]
    """Relative to the parent, the root first."""
    betas: Float[Tensor, "batch shapes"]
    child: Float[Tensor, "batch"]
    """0 where the model has no child axis."""
    transl: Float[Tensor, "batch 3"]
    joints: Float[Tensor, "batch 24 3"]
    joint_covariance: Float[Tensor, "batch 24 3 3"]
    covariance: Float[Tensor, "batch unknowns unknowns"]
    """Of small turns of the 24 joints about the frame's axes (72), the betas, and transl (3); whatever the child."""
    landmark_rms: Float[Tensor, "batch"]
    """Root mean square distance from the fitted body's landmarks to the given ones, those without sigma left out."""
    point_rms: Float[Tensor, "batch"]
    """Root mean square point-to-plane distance of the points within reach; NaN where no points were given."""
    explained: Float[Tensor, "batch"]
    """Share of the kept points that lie within 3 of their sigma of the fitted skin; NaN without points."""
    energy: Float[Tensor, "batch"]
    """Negative log-density of what was fitted, up to a constant."""
    refined: Bool[Tensor, "batch"]
    """Whether the points had a say."""
    milliseconds: dict[str, float]
    """`fit` and `refine`, of the whole batch."""

    def __len__(self) -> int:
        """Number of bodies."""
        return len(self.transl)
