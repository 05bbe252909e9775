"""Samples told apart by what they are like, and a mean with its interval for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from hps.errors import HpsError
from hps.metrics.subject_bootstrap import DRAWS, mean_interval


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stratum:
    """Some of the samples, with a name such as `distance 1.5–2.5 m`."""

    name: str
    which: Bool[np.ndarray, "samples"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StratumResult:
    """A row of a table: one number for one kind of samples."""

    name: str
    n: int
    """Samples with an answer."""
    subjects: int
    value: float
    low: float
    """End of the interval over subjects; NaN with fewer than two."""
    high: float
    unanswered: int = 0
    """Samples without a value, which the mean therefore leaves out."""


def by_edges(
    name: str, values: Float[np.ndarray, "samples"], edges: Sequence[float | int], unit: str = "", decimals: int = 1
) -> list[Stratum]:
    """A stratum for each interval of the edges, the last one closed; then what lies outside, then what is not known.

    The two at the end are there only when they have samples: nothing is lost from a table without being told.
    """
    values, edges = np.asarray(values, np.float64), list(edges)
    if sorted(set(edges)) != edges or len(edges) < 2:
        raise HpsError(f"edges of {name} are {edges}; give at least two, each larger than the one before")
    strata = []
    for k, (low, high) in enumerate(pairwise(edges)):
        below = values <= high if k == len(edges) - 2 else values < high
        label = f"{name} {low:.{decimals}f}–{high:.{decimals}f}{unit and f' {unit}'}"
        strata.append(Stratum(name=label, which=(values >= low) & below))
    inside = np.any([stratum.which for stratum in strata], axis=0)
    known = np.isfinite(values)
    strata.append(Stratum(name=f"{name} elsewhere", which=known & ~inside))
    strata.append(Stratum(name=f"{name} not known", which=~known))
    return [s for k, s in enumerate(strata) if k < len(edges) - 1 or s.which.any()]


def by_label(name: str, labels: Sequence[str] | np.ndarray) -> list[Stratum]:
    """A stratum for each label that occurs, in their order; an empty label is `not known`."""
    labels = np.asarray(labels, dtype=object).astype(str)
    return [
        Stratum(name=f"{name} {label or 'not known'}", which=labels == label)
        for label in sorted(set(labels.tolist()), key=lambda label: (label == "", label))
    ]


def by_quantiles(name: str, values: Float[np.ndarray, "samples"], parts: int) -> list[Stratum]:
    """Parts of nearly equal count from the smallest to the largest value; equal values may fall on both sides."""
    values = np.asarray(values, np.float64)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    strata = []
    for k, members in enumerate(np.array_split(order, parts)):
        which = np.zeros(len(values), bool)
        which[members] = True
        strata.append(Stratum(name=f"{name} part {k + 1} of {parts}", which=which))
    if len(known) < len(values):
        strata.append(Stratum(name=f"{name} not known", which=~np.isfinite(values)))
    return strata


def stratified(
    values: Float[np.ndarray, "samples"],
    subjects: Sequence[str] | np.ndarray,
    strata: Iterable[Stratum],
    rng: np.random.Generator | int = 0,
    draws: int = DRAWS,
) -> list[StratumResult]:
    """One row for each stratum, in their order; empty ones have NaN."""
    values, subjects = np.asarray(values, np.float64), np.asarray(subjects)
    rows = []
    for stratum in strata:
        interval = mean_interval(values[stratum.which], subjects[stratum.which], rng, draws)
        rows.append(
            StratumResult(
                name=stratum.name,
                n=interval.n,
                subjects=interval.subjects,
                value=interval.value,
                low=interval.low,
                high=interval.high,
                unanswered=int(stratum.which.sum()) - interval.n,
            )
        )
    return rows
