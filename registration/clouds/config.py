"""How clouds are cleaned: every option of `fuse`, with what it was chosen by."""

from __future__ import annotations

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from registration.clouds.multipath import REFLECTANCE


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class CloudConfig:
    """How clouds are cleaned. The figures that chose the numbers are in docs/clouds.md."""

    multipath: float = Field(default=REFLECTANCE, ge=0, le=1)
    """How bright the room is in near infrared, as a part: light that comes by way of the floor makes legs look deeper,
    which is taken off. 0: leave it."""
    denoise_px: float = Field(default=1.0, ge=0, le=4)
    """Standard deviation of the weights with which a curved patch is fitted around each pixel; 0 keeps the depth as it
    was measured."""
    flying_m: float = 0.05
    """A pixel whose 3x3 neighbours differ by more than this, in the image with the room in it, lies on an edge."""
    grazing: float = float(np.cos(np.deg2rad(85.0)))
    """A surface whose normal's cosine with the ray is smaller is seen too edge-on to be measured."""
    support_m: float = 0.006
    """A depth of another camera this close confirms a point too, whatever its normal: fingers have none that two
    cameras would agree on. It brings 4 of 100 points of hands back."""
    min_support: int | None = None
    """Cameras that must confirm a point. None: one where at least `full_ring` depth cameras see the person, else none,
    since with few cameras much of the body is seen by one only."""
    full_ring: int = 5
    """Depth cameras from which on neighbours in a ring overlap everywhere on a body."""
    carve_m: float = 0.02
    """A camera that sees something this much further away looks through the point."""
    average: bool = True
    """Move each point to the mean of the surfaces of all cameras that see it, each weighted by its certainty."""
    smooth_m: float = Field(default=0.016, ge=0, le=0.03)
    """Standard deviation of the weights with which each point is laid onto its neighbours' patch; 0: it is not."""
    voxel_m: float = Field(default=0.005, ge=0)
    """One point for each voxel of this size, the most certain one; 0 keeps all (some 25,000 for each camera)."""
