"""How one camera's exposure drifts from frame to frame, by the room behind the people, which stands still."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from texture.blending.color_transfer import CLIPPED, table_of_light

STEP_PX = 8
"""Every eighth pixel each way is looked at: 14,000 of a 1280x720 picture."""
DARKEST = 24
"""Below this level noise and rounding are 4 % of the light and more."""
FEWEST = 200
"""Pixels, bright enough and free of people in both pictures, below which nothing is said."""
SCATTER = 0.15
"""Spread of the ratios (interquartile, logarithm) above which the room itself moved: nothing is said either."""
DEADBAND = 0.004
"""Changes below 0.4 % of the light, half a level of 255, are left alone: correcting them would only flip roundings."""


def room_light(
    image: UInt8[np.ndarray, "rows columns 3"], anybody: Bool[np.ndarray, "rows columns"] | None
) -> Float32[np.ndarray, "samples 3"]:
    """Linear light of every few pixels of a picture; NaN where somebody is, and where it is too dark or clipped."""
    sampled = image[::STEP_PX, ::STEP_PX]
    values = table_of_light()[sampled].reshape(-1, 3)
    bad = (sampled < DARKEST).any(-1) | (sampled >= CLIPPED).any(-1)
    if anybody is not None:
        bad |= anybody[::STEP_PX, ::STEP_PX]
    values[bad.reshape(-1)] = np.nan
    return values


def drift_gain(
    reference: Float32[np.ndarray, "samples 3"], now: Float32[np.ndarray, "samples 3"]
) -> Float[np.ndarray, "3"]:
    """Factors on the light of a picture that bring its room to the reference's; ones where that cannot be told."""
    both = np.isfinite(reference[:, 0]) & np.isfinite(now[:, 0])
    if both.sum() < FEWEST:
        return np.ones(3)
    ratios = np.log(reference[both]) - np.log(now[both])
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75], axis=0)
    if (high - low).max() > SCATTER or np.abs(middle).max() < DEADBAND:
        return np.ones(3)
    return np.exp(middle).astype(np.float64)
