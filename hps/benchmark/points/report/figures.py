"""The numbers of one measure on some of the clouds: mean, interval over subjects, spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float, Int64

from hps.metrics.subject_bootstrap import mean_interval, ratio_interval

SEED: Final = 0
"""Of the draws: the same results give the same intervals."""


def figure(
    runs: Sequence[Float[np.ndarray, "clouds"]],
    subjects: Int64[np.ndarray, "clouds"],
    which: Bool[np.ndarray, "clouds"] | None = None,
) -> dict[str, Any] | None:
    """Mean over clouds and runs, its 95 % interval over subjects, counts; None without a value.

    runs: one array a seed. With several, `runs` are their means and `sd` the standard deviation of these (n - 1); the
    interval is that of the runs' mean for each cloud, so that it holds no spread over seeds.
    """
    mean = np.mean(runs, axis=0)
    some = np.isfinite(mean) if which is None else which & np.isfinite(mean)
    if not some.any():
        return None
    interval = mean_interval(mean[some], subjects[some], SEED)
    found: dict[str, Any] = {
        "value": interval.value, "low": interval.low, "high": interval.high, "n": interval.n,
        "subjects": interval.subjects,
    }  # fmt: skip
    if len(runs) > 1:
        means = [float(run[some].mean()) for run in runs]
        found |= {"runs": means, "sd": float(np.std(means, ddof=1))}
    return found


def ratio(
    runs: Sequence[Float[np.ndarray, "clouds"]],
    against: Sequence[Float[np.ndarray, "clouds"]],
    subjects: Int64[np.ndarray, "clouds"],
    which: Bool[np.ndarray, "clouds"],
) -> dict[str, Any] | None:
    """Mean error of one method over that of another on the same clouds, with its interval; None without both."""
    a, b = np.mean(runs, axis=0)[which], np.mean(against, axis=0)[which]
    if not (np.isfinite(a) & np.isfinite(b)).any():
        return None
    interval = ratio_interval(a, b, subjects[which], SEED)
    return {"value": interval.value, "low": interval.low, "high": interval.high, "n": interval.n}


def numbered(names: Sequence[str]) -> Int64[np.ndarray, "clouds"]:
    """A number for each name, equal where names are: resampling compares them thousands of times."""
    return np.unique(np.asarray(names, dtype=str), return_inverse=True)[1].astype(np.int64)
