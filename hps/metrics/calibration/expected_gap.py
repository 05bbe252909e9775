"""What the expected calibration errors of probabilities and of standard deviations have in common."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64


def expected_gap(
    stated: Float[np.ndarray, "bins"], true: Float[np.ndarray, "bins"], count: Int64[np.ndarray, "bins"]
) -> float:
    """Mean distance of true from stated over bins, weighted by what each holds (Naeini et al. 2015). Unit of both."""
    return float((np.abs(true - stated) * count).sum() / count.sum())
