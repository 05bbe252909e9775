"""What validation data say of an estimator: by how much its sigmas are off, and which signs tell bad bodies."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from scipy.stats import chi2

from hps.errors import HpsError
from hps.points.judging.confidence import FEATURES, Judge

HALF: Final = float(chi2.ppf(0.68, 3))
"""Squared length, in standard deviations, that 68 % of three-dimensional Gaussian errors stay below."""
RIDGE: Final = 0.01
"""Of the weights of standardised features: keeps them finite where good and bad bodies can be told exactly."""
LEAST_OF_EACH: Final = 20


def sigma_factor(off_m: Float[np.ndarray, "some 3"], sigma_m: Float[np.ndarray, "some"]) -> float:
    """What sigmas must be multiplied by for 68 % of the errors to lie where they say.

    A quantile, not the mean of squares: a few landmarks of a mistaken limb would rule the mean. Raises HpsError without
    errors.
    """
    if not len(off_m):
        raise HpsError("sigmas cannot be calibrated without errors; give validation clouds with a truth")
    return float(np.sqrt(np.quantile(((off_m / sigma_m[:, None]) ** 2).sum(1), 0.68) / HALF))


def fitted_judge(features: Float[np.ndarray, "bodies features"], good: Bool[np.ndarray, "bodies"]) -> Judge:
    """The logistic function that tells good bodies from bad ones; see `logistic`. Raises HpsError as that does."""
    offset, weights = logistic(features, good)
    return Judge(
        offset=offset,
        weights=dict(zip(FEATURES, weights.tolist())),
        usual=dict(zip(FEATURES, np.median(features[good], axis=0).tolist())),
    )


def logistic(
    features: Float[np.ndarray, "bodies features"], good: Bool[np.ndarray, "bodies"]
) -> tuple[float, Float[np.ndarray, "features"]]:
    """Offset and weights that tell good bodies from bad ones, each weight at least 0: a sign never speaks for.

    Good and bad bodies count the same together, however many there are of each. Raises HpsError when there are too few
    of either.
    """
    if min(good.sum(), (~good).sum()) < LEAST_OF_EACH:
        raise HpsError(
            f"{good.sum()} good and {(~good).sum()} bad bodies are too few to tell them by; at least {LEAST_OF_EACH} "
            "of each are needed"
        )
    middle, spread = features.mean(0), features.std(0) + 1e-6
    x = (features - middle) / spread
    share = np.where(good, 0.5 / good.sum(), 0.5 / (~good).sum())
    sign = np.where(good, 1.0, -1.0)

    def cost(unknowns: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (unknowns[0] - x @ unknowns[1:])
        value = share @ np.logaddexp(0, -margin) + 0.5 * RIDGE * unknowns[1:] @ unknowns[1:]
        pull = -share * sign / (1 + np.exp(margin))
        return float(value), np.concatenate([[pull.sum()], -(pull @ x) + RIDGE * unknowns[1:]])

    bounds = [(None, None), *[(0, None)] * x.shape[1]]
    found = minimize(cost, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = found[1:] / spread
    return float(found[0] + weights @ middle), weights
