"""How a camera's colours become those of the whole rig."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColorCorrection:
    """A matrix on linear RGB: rig = matrix @ camera."""

    matrix: Float[np.ndarray, "3 3"]
    """Exposure and white balance together."""
    rms: float = float("nan")
    """Root mean square of what is left of the differences, linear RGB of 0 … 1."""
