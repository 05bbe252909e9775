"""What a fit is made from: landmarks that a network placed, and points that lie on the body or on its clothes."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int64
from torch import Tensor

from hps.errors import HpsError
from hps.points.landmarks import LANDMARK_COUNT
from hps.points.part_labels import UNKNOWN_PART


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LandmarkGaussians:
    """Landmarks in the order of `hps.points.landmarks`, in any one frame. Metres."""

    position: Float[Tensor, "batch landmarks 3"]
    sigma: Float[Tensor, "batch landmarks"]
    """Standard deviation along any one axis; infinite for a landmark that says nothing."""

    def __post_init__(self) -> None:
        """Raises HpsError for another number of landmarks, positions that are not finite, or sigma not above 0."""
        if self.position.shape[1:] != (LANDMARK_COUNT, 3) or self.sigma.shape != self.position.shape[:2]:
            raise HpsError(
                f"landmarks {tuple(self.position.shape)} with sigma {tuple(self.sigma.shape)} must be "
                f"(batch, {LANDMARK_COUNT}, 3) and (batch, {LANDMARK_COUNT})"
            )
        told = self.sigma.isfinite()
        if not self.position.isfinite().all(-1)[told].all() or not (self.sigma > 0).all():
            raise HpsError(
                "a landmark's position is not finite, or its sigma is not above 0; give sigma = inf to landmarks that "
                "are not known"
            )

    def __len__(self) -> int:
        """Number of bodies."""
        return len(self.position)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SurfacePoints:
    """Points of each body's cloud with what a network says of them, in the frame of the landmarks. Metres."""

    points: Float[Tensor, "batch points 3"]
    keep: Bool[Tensor, "batch points"]
    """False for points that are not used."""
    part: Int64[Tensor, "batch points"]
    """Joint whose skin the point is; NOT_BODY; UNKNOWN_PART."""
    sigma: Float[Tensor, "batch points"]
    """Standard deviation of the point's distance from the skin, after `skin_offset` has moved it there."""
    skin_offset: Float[Tensor, "batch points 3"] | None = None
    """From the point to the naked skin; None where nobody says."""
    rays: Float[Tensor, "batch points 3"] | None = None
    """Unit vectors from the camera, zeros where it is not known: a point lies on skin that faces its camera."""

    def __post_init__(self) -> None:
        """Raises HpsError when a point that is kept is not finite or has no sigma."""
        told = self.points.isfinite().all(-1) & (self.sigma > 0)
        if self.skin_offset is not None:
            told &= self.skin_offset.isfinite().all(-1)
        if not told[self.keep].all():
            raise HpsError(
                f"{int((~told[self.keep]).sum())} of {int(self.keep.sum())} points that are kept have a place, a skin "
                "offset or a sigma that is not finite or not above 0; leave them out with keep"
            )
        part = self.part[self.keep]
        if len(part) and (int(part.min()) < UNKNOWN_PART or int(part.max()) > 24):
            raise HpsError(f"parts of points go from {int(part.min())} to {int(part.max())}; they must be in -1..24")
