"""Takes a device's known error off its depth images."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from calibration.depth_correction import DepthCorrection


def corrected_depth(
    depth_m: Float[np.ndarray, "height width"], correction: DepthCorrection | None
) -> Float[np.ndarray, "height width"]:
    """The image with true distances, metres, of the same type; NaN stays NaN. The image itself without a correction."""
    return depth_m if correction is None else correction.corrected(depth_m).astype(depth_m.dtype)
