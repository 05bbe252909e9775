"""What is wrong with a depth camera's distances, and how it is taken off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthCorrection:
    """measured = z + bias_m + scale * z + slow(z); metres along the optical axis."""

    bias_m: float = 0.0
    scale: float = 0.0
    """Part of the distance: 0.001 is a millimetre a metre."""
    slow_z_m: tuple[float, ...] = ()
    """Distances at which a slow further error was estimated, ascending; none: there is none."""
    slow_m: tuple[float, ...] = ()
    """That error at these distances; linear between them, constant outside."""
    sigma_m: float = float("nan")
    """Standard deviation of the whole correction in the middle of the volume."""

    def corrected(self, z: Float[np.ndarray, "*pixels"]) -> Float[np.ndarray, "*pixels"]:
        """True distance of measured ones, metres; NaN stays NaN."""
        slow = np.interp(z, self.slow_z_m, self.slow_m) if self.slow_z_m else 0.0
        return (z - self.bias_m - slow) / (1 + self.scale)
