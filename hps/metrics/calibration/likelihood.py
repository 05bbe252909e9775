"""How probable the truth is under what was stated: it punishes both a vague and a wrongly sure estimator."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def gaussian_nll(error: Float[np.ndarray, "*values"], sigma: Float[np.ndarray, "*values"]) -> float:
    """Mean negative log-likelihood of one coordinate, in nats; it depends on the unit of the error (metres here)."""
    error, sigma = np.asarray(error, np.float64), np.asarray(sigma, np.float64)
    return float((0.5 * (error / sigma) ** 2 + np.log(sigma) + 0.5 * np.log(2 * np.pi)).mean())


def gaussian_nll_3d(
    error: Float[np.ndarray, "*points dimensions"], covariance: Float[np.ndarray, "*points dimensions dimensions"]
) -> float:
    """The same of whole vectors with their covariance, in nats for each vector."""
    error, covariance = np.asarray(error, np.float64), np.asarray(covariance, np.float64)
    white = np.linalg.solve(covariance, error[..., None])[..., 0]
    logarithm = np.linalg.slogdet(covariance).logabsdet
    return float((0.5 * ((white * error).sum(-1) + logarithm + error.shape[-1] * np.log(2 * np.pi))).mean())
