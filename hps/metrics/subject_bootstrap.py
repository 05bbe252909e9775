"""Confidence intervals that resample people, not frames: frames of one person are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from hps.errors import HpsError

DRAWS: Final = 2000
"""The ends of a 95 % interval then move by about a twentieth of its width from seed to seed."""
LEVEL: Final = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A mean over samples and where it would lie with other people."""

    n: int
    """Samples with an answer."""
    subjects: int
    """People who have one."""
    value: float
    """NaN without samples."""
    low: float
    """NaN with fewer than two people: one person tells nothing of others."""
    high: float


def mean_interval(
    values: Float[np.ndarray, "samples"],
    subjects: Sequence[str] | np.ndarray,
    rng: np.random.Generator | int = 0,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Interval:
    """The mean over all samples with its percentile interval over resampled subjects (Efron's cluster bootstrap).

    values: NaN where there is no answer; such samples are left out, `failures` counts them. Booleans give shares. Each
    draw takes as many people as there are, with replacement, and all samples of each. Vectorised: a draw is a row of
    how often each person was taken. With fewer than about ten people the interval is too narrow.
    Raises HpsError when the lengths differ.
    """
    sums, counts = _by_subject(np.asarray(values, np.float64)[:, None], subjects)
    people = len(counts)
    if not people:
        return Interval(n=0, subjects=0, value=float("nan"), low=float("nan"), high=float("nan"))
    value = float(sums[:, 0].sum() / counts.sum())
    low, high = _ends(_draws(people, rng, draws), sums[:, 0], counts.astype(np.float64), level)
    return Interval(n=int(counts.sum()), subjects=people, value=value, low=low, high=high)


def ratio_interval(
    values: Float[np.ndarray, "samples"],
    against: Float[np.ndarray, "samples"],
    subjects: Sequence[str] | np.ndarray,
    rng: np.random.Generator | int = 0,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Interval:
    """Mean of one method over that of another, on the samples that both answered, with the same people in each draw.

    Pairing takes out what makes all methods worse at once, so that it tells methods apart that separate intervals
    do not. The interval of a ratio below 1 that stays below 1 says: better for other people too.
    """
    both = np.stack([np.asarray(values, np.float64), np.asarray(against, np.float64)], 1)
    sums, counts = _by_subject(both, subjects)
    people = len(counts)
    if not people:
        return Interval(n=0, subjects=0, value=float("nan"), low=float("nan"), high=float("nan"))
    value = float(sums[:, 0].sum() / sums[:, 1].sum())
    low, high = _ends(_draws(people, rng, draws), sums[:, 0], sums[:, 1], level)
    return Interval(n=int(counts.sum()), subjects=people, value=value, low=low, high=high)


def _by_subject(
    values: Float[np.ndarray, "samples columns"], subjects: Sequence[str] | np.ndarray
) -> tuple[Float[np.ndarray, "people columns"], Int64[np.ndarray, "people"]]:
    """Sum and count of each subject over the samples that have all columns."""
    subjects = np.asarray(subjects)
    if subjects.shape != values.shape[:1]:
        raise HpsError(f"{len(values)} values have {len(subjects)} subjects; name the subject of each sample")
    there = np.isfinite(values).all(1)
    names, which = np.unique(subjects[there], return_inverse=True)
    sums = np.stack([np.bincount(which, column, minlength=len(names)) for column in values[there].T], 1)
    return sums, np.bincount(which, minlength=len(names)).astype(np.int64)


def _draws(people: int, rng: np.random.Generator | int, draws: int) -> Float[np.ndarray, "draws people"]:
    """How often each person is taken in each draw."""
    return _seeded_draws(people, rng, draws) if isinstance(rng, int) else _new_draws(people, rng, draws)


@lru_cache(maxsize=32)
def _seeded_draws(people: int, seed: int, draws: int) -> Float[np.ndarray, "draws people"]:
    """The same for a seed: a table has thousands of intervals over the same people, and making draws is their cost."""
    return _new_draws(people, np.random.default_rng(seed), draws)


def _new_draws(people: int, rng: np.random.Generator, draws: int) -> Float[np.ndarray, "draws people"]:
    return rng.multinomial(people, np.full(people, 1 / people), size=draws).astype(np.float64)


def _ends(
    taken: Float[np.ndarray, "draws people"],
    over: Float[np.ndarray, "people"],
    under: Float[np.ndarray, "people"],
    level: float,
) -> tuple[float, float]:
    if len(over) < 2:
        return float("nan"), float("nan")
    low, high = np.quantile((taken @ over) / (taken @ under), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
