"""Geman–McClure's robust cost: quadratic near zero, constant for outliers."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def cost(squared: Float[Tensor, "*some"], kernel: float) -> Float[Tensor, "*some"]:
    """Half of k² r² / (k² + r²), from r²."""
    return 0.5 * kernel**2 * squared / (kernel**2 + squared)


def weight(squared: Float[Tensor, "*some"], kernel: float) -> Float[Tensor, "*some"]:
    """Weight of a residual in iteratively re-weighted least squares: (k² / (k² + r²))²."""
    return (kernel**2 / (kernel**2 + squared)) ** 2
