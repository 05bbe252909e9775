"""Bodies that are no answer at all: too far from the truth, or not given."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Bool, Float

FAILURE_MM: Final = 150.0
"""PVE above which a body counts as a failure: a limb or the heading is wrong, not only a joint off."""


def failures(pve_mm: Float[np.ndarray, "samples"], limit_mm: float = FAILURE_MM) -> Bool[np.ndarray, "samples"]:
    """Which samples failed: PVE above the limit, or no body (NaN). A refusal is never left out of this share."""
    return ~(np.asarray(pve_mm) <= limit_mm)
