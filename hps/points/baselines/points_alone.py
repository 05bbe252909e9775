"""Points of which nobody said anything, as a fit takes them."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from hps.points.fitting.evidence import SurfacePoints
from hps.points.part_labels import UNKNOWN_PART

SENSOR_SIGMA_M: Final = 0.01
"""Of a depth camera at 2 to 3 m; cloth over the skin comes on top of it in the fit."""


def points_alone(points: Float[Tensor, "batch points 3"], rays: Float[Tensor, "batch points 3"]) -> SurfacePoints:
    """All points kept, of unknown part, at an unknown distance from the skin."""
    shape = points.shape[:2]
    return SurfacePoints(
        points=points,
        keep=torch.ones(shape, dtype=torch.bool),
        part=torch.full(shape, UNKNOWN_PART),
        sigma=torch.full(shape, SENSOR_SIGMA_M),
        rays=rays,
    )
