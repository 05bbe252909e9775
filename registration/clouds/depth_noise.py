"""How exact a time-of-flight depth is: its standard deviation along the viewing ray, and across a surface."""

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
SHARED = 5.0
"""Pixels that share one noise, since the device smooths: variance of a patch against that of independent pixels."""
MODEL_SHARE = 0.3
"""Weight of the sensor's model against the patch's own residual, which knows dark cloth and disturbed frames."""
LATERAL_M = 0.6e-3
"""What a place beside the ray is off: lens, pose and smoothing, at the distance of a body."""
COMMON_M = 0.3e-3
"""What the cameras of a rig that was calibrated by a board have in common: its depth corrections are as uncertain."""


def depth_sigma(
    z_m: Float[np.ndarray, "*points"], cosine: Float[np.ndarray, "*points"] | float = 1.0
) -> Float[np.ndarray, "*points"]:
    """Standard deviation in metres at depth z of a surface seen at `cosine` between its normal and the ray.

    The echo's strength falls with the cosine, and the noise grows with the inverse root of the strength.
    """
    straight = FLOOR_M + SLOPE * np.maximum(z_m - NEAR_M, 0)
    return np.minimum(straight / np.sqrt(np.clip(cosine, MIN_COSINE, 1)), MAX_M)


def patch_sigma(
    z_m: Float[np.ndarray, "*points"],
    cosine: Float[np.ndarray, "*points"],
    leverage: Float[np.ndarray, "*points"],
    residual_m: Float[np.ndarray, "*points"],
) -> Float[np.ndarray, "*points"]:
    """Standard deviation in metres, along the normal, of a point of a fitted patch (registration.clouds.patches).

    leverage: variance of the patch's depth as a part of one pixel's; residual_m: what the patch leaves, which is noise
    and detail that it cannot follow.
    """
    noise2 = MODEL_SHARE * depth_sigma(z_m, cosine) ** 2 + (1 - MODEL_SHARE) * residual_m**2
    along_ray2 = noise2 * np.minimum(SHARED * leverage, 1)
    return np.sqrt(along_ray2 * cosine**2 + LATERAL_M**2 * (1 - cosine**2))


def fused_sigma(sigma: Float[np.ndarray, "*points"]) -> Float[np.ndarray, "*points"]:
    """Standard deviation in metres, along the normal, of a point of the fused cloud; sigma: of its cameras' mean.

    What cameras have in common (calibration, light by way of others, waves of the modulation) does not average out,
    and smoothing over neighbours takes away about as much noise as it adds of what it cannot follow.
    """
    return np.hypot(sigma, COMMON_M)
