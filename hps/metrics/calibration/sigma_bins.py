"""Stated against true error in bins of the stated one: where an estimator is too sure, and by how much (ECE)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from hps.errors import HpsError
from hps.metrics.calibration.expected_gap import expected_gap

SIGMA_BINS: Final = 15


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SigmaBins:
    """Values gathered by their stated standard deviation; empty bins are left out. Unit of the input."""

    stated: Float[np.ndarray, "bins"]
    """Root mean square of the stated deviations."""
    true: Float[np.ndarray, "bins"]
    """Root mean square of the errors."""
    count: Int64[np.ndarray, "bins"]

    @property
    def ece(self) -> float:
        """Mean distance of true from stated, weighted by the values in each bin; in the unit of the input."""
        return expected_gap(self.stated, self.true, self.count)

    @property
    def relative(self) -> float:
        """Mean over bins of that distance as a share of the stated deviation: ENCE (Levi 2019)."""
        return float((np.abs(self.true - self.stated) / self.stated).mean())

    @property
    def of_variance(self) -> float:
        """The same as `ece` of variances, in the squared unit: UCE (Laves 2020)."""
        return expected_gap(self.stated**2, self.true**2, self.count)


def even_edges(sigma: Float[np.ndarray, "values"], bins: int = SIGMA_BINS) -> Float[np.ndarray, "edges"]:
    """Edges of bins of equal width from the smallest to the largest deviation, as ENCE was defined."""
    return np.linspace(np.min(sigma), np.max(sigma), bins + 1)


def crowded_edges(sigma: Float[np.ndarray, "values"], bins: int = SIGMA_BINS) -> Float[np.ndarray, "edges"]:
    """Edges of bins of equal count: none is nearly empty. What the benchmark uses."""
    return np.quantile(np.asarray(sigma, np.float64), np.linspace(0.0, 1.0, bins + 1))


def sigma_bins(
    error: Float[np.ndarray, "values"],
    sigma: Float[np.ndarray, "values"],
    edges: Float[np.ndarray, "edges"] | None = None,
) -> SigmaBins:
    """Bins of the values; without edges, `crowded_edges`.

    Raises HpsError for a deviation that is not positive and finite.
    """
    error, sigma = np.asarray(error, np.float64), np.asarray(sigma, np.float64)
    bad = ~(np.isfinite(sigma) & (sigma > 0))
    if bad.any() or not len(sigma):
        raise HpsError(
            f"{int(bad.sum())} of {len(sigma)} stated deviations are not positive and finite; a method that states "
            "none must give None, not zeros"
        )
    edges = crowded_edges(sigma) if edges is None else np.asarray(edges, np.float64)
    which = np.clip(np.searchsorted(edges, sigma, side="right") - 1, 0, len(edges) - 2)
    count = np.bincount(which, minlength=len(edges) - 1)
    some = count > 0
    stated = np.bincount(which, sigma**2, minlength=len(count))[some] / count[some]
    true = np.bincount(which, error**2, minlength=len(count))[some] / count[some]
    return SigmaBins(stated=np.sqrt(stated), true=np.sqrt(true), count=count[some].astype(np.int64))
