"""Geman–McClure's robust cost: quadratic near zero, constant for outliers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def cost(squared: Float[np.ndarray, "*some"], kernel: float) -> Float[np.ndarray, "*some"]:
    """Half of k² r² / (k² + r²), from r²."""
    return 0.5 * kernel**2 * squared / (kernel**2 + squared)


def weight(squared: Float[np.ndarray, "*some"], kernel: float) -> Float[np.ndarray, "*some"]:
    """Weight of a residual in iteratively re-weighted least squares: (k² / (k² + r²))²."""
    return (kernel**2 / (kernel**2 + squared)) ** 2
