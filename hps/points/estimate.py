"""What an estimator says of a cloud: a body, how sure it is, and why it should perhaps not be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters

USABLE: Final = 0.5
"""A body of less confidence should not be used."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyEstimate:
    """One person's body at one or more instants, in the frame of the clouds."""

    parameters: BodyParameters
    """Of all frames; one shape."""
    joints: Float[np.ndarray, "frames 24 3"]
    """Metres."""
    joint_covariance: Float[np.ndarray, "frames 24 3 3"]
    """Square metres."""
    parameter_covariance: Float[np.ndarray, "frames unknowns unknowns"]
    """Of small turns of the 24 joints about the frame's axes (24 x 3, rad), the betas, and the translation (m)."""
    confidence: Float[np.ndarray, "frames"]
    """Between 0 and 1; below USABLE the body should not be used."""
    reasons: tuple[str, ...]
    """Why a frame should not be trusted, one sentence a frame; empty for a good one."""
    landmarks: Float[np.ndarray, "frames landmarks 3"]
    """As the network places them, before any body was fitted; NaN from methods that have none."""
    landmark_sigma: Float[np.ndarray, "frames landmarks"]
    """Metres, along any one axis."""
    milliseconds: dict[str, float]
    """Of network, fit, refine, all frames together."""
    spread: float = 1.0
    """What calibration multiplied the standard deviations of the covariances by; the same without a body."""
