"""How exact a time-of-flight depth is: its standard deviation along the viewing ray."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

FLOOR_M = 0.5e-3
SLOPE = 1e-3
NEAR_M = 0.5
"""σ = 0.5 mm + 1 mm/m beyond 0.5 m: the Azure Kinect's axial noise as in BlenderProc's sensor model."""
MAX_M = 17e-3
"""The vendor's limit of the random error in the specified range (Azure Kinect DK hardware specification)."""
MIN_COSINE = 0.1
"""Surfaces seen at a more grazing angle than this (84°) return no usable echo."""


def depth_sigma(
    z_m: Float[np.ndarray, "*points"], cosine: Float[np.ndarray, "*points"] | float = 1.0
) -> Float[np.ndarray, "*points"]:
    """Standard deviation in metres at depth z of a surface seen at `cosine` between its normal and the ray.

    The echo's strength falls with the cosine, and the noise grows with the inverse root of the strength.
    """
    straight = FLOOR_M + SLOPE * np.maximum(z_m - NEAR_M, 0)
    return np.minimum(straight / np.sqrt(np.clip(cosine, MIN_COSINE, 1)), MAX_M)
