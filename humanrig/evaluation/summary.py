"""Mean, median, percentiles: a set of errors in a few numbers."""

from __future__ import annotations

import numpy as np

_REDUCE = {
    "mean": np.mean,
    "median": np.median,
    "p95": lambda x: np.percentile(x, 95),
    "max": np.max,
}


def summary(values: np.ndarray, *names: str) -> dict[str, float | None]:
    """The named reductions of the finite values, rounded to 1/1000; None when there are none."""
    finite = np.asarray(values)[np.isfinite(values)]
    return {name: round(float(_REDUCE[name](finite)), 3) if len(finite) else None for name in names}
