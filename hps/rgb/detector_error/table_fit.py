"""From samples of a detector's errors to the table that draws such errors."""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import norm, rankdata, t

from hps.errors import HpsError
from hps.rgb.detector_error.samples import MIRROR, DetectorSamples, mixed_up, unmixed
from hps.rgb.detector_error.table import GROUPS, KNOTS, LEVELS, SIDE_ON, ErrorTable, Seen, View
from hps.rgb.keypoint_names import LIFTED
from registration.keypoints.sets import stem

KINDS: Final = tuple(dict.fromkeys(stem(name) for name in LIFTED.names))
KIND_OF: Final = np.array([KINDS.index(stem(name)) for name in LIFTED.names])
TAILS: Final = (1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)
STATES: Final[tuple[tuple[Seen, bool], ...]] = (("clear", False), ("hidden", True))
LEAST: Final = 12
"""Values from which a kind's own quantiles are taken; with fewer those of all kinds."""
ROUNDS: Final = 4
"""Of scales by confidence and factors by kind in turn; the second round already changes them by less than 2 %."""
PULLED_SHARE, PULLED_APART_PX = 0.4, 10.0
"""A keypoint lies on its partner when it is within this share of their distance of it, and they are so far apart."""


def fit_table(samples: DetectorSamples, about: dict[str, Any]) -> ErrorTable:
    """The table of these samples. Raises HpsError when there are too few of them."""
    if len(samples) < LEAST:
        raise HpsError(f"{len(samples)} detected people are too few to measure a detector on; show it more pictures")
    swapped, told = mixed_up(samples)
    error = unmixed(samples, swapped)
    pulled, pullable = pulled_over(samples, error)
    error = np.where(pulled[..., None], np.nan, error)
    known = np.isfinite(error[..., 0])
    tail = _tail(error, samples, known)
    middle = float(t.ppf(0.75, tail))
    scale, factor = np.ones(len(KNOTS)), np.ones(len(KINDS))
    for _ in range(ROUNDS):
        scale = _scales(error / factor[KIND_OF, None], samples, known, middle)
        factor = _factors(error / np.interp(samples.confidence, KNOTS, scale)[..., None], known, middle)
    z = error / (np.interp(samples.confidence, KNOTS, scale) * factor[KIND_OF])[..., None]
    rates: dict[Seen, float] = {}
    for seen, hidden in STATES:
        of = pullable & (samples.hidden == hidden)
        rates[seen] = float(pulled[of].mean()) if of.any() else 0.0
    return ErrorTable(
        confidence={seen: _quantiles(samples, known, hidden) for seen, hidden in STATES},
        confidence_shared=_shared_confidence(samples, known),
        scale_px=tuple(round(float(x), 3) for x in scale),
        kind_factor={kind: round(float(x), 3) for kind, x in zip(KINDS, factor)},
        tail=tail,
        shared=_shared_errors(z, known, tail),
        mixed=_mixed(samples, swapped, told),
        pulled={seen: round(rate, 4) for seen, rate in rates.items()},
        size_ratio=(
            round(float(np.median(np.log(samples.size_ratio))), 4),
            round(float(np.std(np.log(samples.size_ratio))), 4),
        ),
        about=about | {"people": len(samples), "keypoints": int(known.sum())},
    )


def pulled_over(
    samples: DetectorSamples, error: Float[np.ndarray, "people keypoints 2"]
) -> tuple[Bool[np.ndarray, "people keypoints"], Bool[np.ndarray, "people keypoints"]]:
    """Which keypoints alone lie on their partners, and for which that can be told; errors with the sides put right."""
    apart = np.linalg.norm(samples.partner, axis=-1)
    known = np.isfinite(error[..., 0])
    can = known & known[:, MIRROR] & (apart > PULLED_APART_PX)
    with np.errstate(invalid="ignore"):
        return can & (np.linalg.norm(error - samples.partner, axis=-1) < PULLED_SHARE * apart), can


def _quantiles(samples: DetectorSamples, known: np.ndarray, hidden: bool) -> dict[str, tuple[float, ...]]:
    chosen = known & (samples.hidden == hidden)
    everything = samples.confidence[chosen] if chosen.any() else samples.confidence[known]
    found = {}
    for number, kind in enumerate(KINDS):
        own = samples.confidence[chosen & (number == KIND_OF)]
        values = np.quantile(own if len(own) >= LEAST else everything, LEVELS)
        found[kind] = tuple(round(float(value), 4) for value in values)
    return found


def _tail(error: np.ndarray, samples: DetectorSamples, known: np.ndarray) -> float:
    """The t whose 90 % quantile over its median is that of errors of like confidence."""
    ratios = []
    bins = np.digitize(samples.confidence, [0.3, 0.6, 0.8, 0.9, 0.97])
    for one in range(6):
        values = np.abs(error[known & (bins == one)]).ravel()
        if len(values) > 100:
            ratios.append((len(values), np.quantile(values, 0.9) / np.median(values)))
    if not ratios:
        return 4.0
    wanted = np.average([ratio for _, ratio in ratios], weights=[count for count, _ in ratios])
    return min(TAILS, key=lambda nu: abs(t.ppf(0.95, nu) / t.ppf(0.75, nu) - wanted))


def _scales(error: np.ndarray, samples: DetectorSamples, known: np.ndarray, middle: float) -> np.ndarray:
    """At KNOTS; never falls with falling confidence."""
    edges = [0.0, *[(a + b) / 2 for a, b in itertools.pairwise(KNOTS)], 1.01]
    scale, weight = np.full(len(KNOTS), np.nan), np.zeros(len(KNOTS))
    for knot, (low, high) in enumerate(itertools.pairwise(edges)):
        chosen = known & (samples.confidence >= low) & (samples.confidence < high)
        if chosen.sum() >= LEAST:
            scale[knot], weight[knot] = _size(error, chosen, middle), chosen.sum()
    there = np.isfinite(scale)
    scale = np.interp(KNOTS, np.array(KNOTS)[there], scale[there])
    for last in range(len(KNOTS) - 1, 0, -1):
        scale[last - 1] = max(scale[last - 1], scale[last])
    return scale


def _factors(relative: np.ndarray, known: np.ndarray, middle: float) -> np.ndarray:
    """Of each kind, from errors over the scale of their confidences."""
    found = np.ones(len(KINDS))
    for number in range(len(KINDS)):
        chosen = known & (number == KIND_OF)
        if chosen.sum() >= LEAST:
            found[number] = _size(relative, chosen, middle)
    return found


def _size(error: np.ndarray, chosen: np.ndarray, middle: float) -> float:
    return float(np.median(np.abs(error[chosen])) / middle)


def _shared_confidence(samples: DetectorSamples, known: np.ndarray) -> tuple[float, float]:
    """Correlation of confidences, as normal scores within kind and state, within a person and within a group."""
    score = np.full(known.shape, np.nan)
    for number in range(len(KINDS)):
        for hidden in (False, True):
            chosen = known & (samples.hidden == hidden) & (number == KIND_OF)
            if chosen.sum() >= LEAST:
                score[chosen] = norm.ppf(rankdata(samples.confidence[chosen]) / (chosen.sum() + 1))
    of_person = float(np.clip(_within(score), 0.0, 0.9))
    groups = [_within(score[:, [LIFTED.index(name) for name in members]]) for members in GROUPS.values()]
    return round(of_person, 3), round(float(np.clip(np.mean(groups), of_person, 0.95)), 3)


def _shared_errors(z: np.ndarray, known: np.ndarray, tail: float) -> dict[str, float]:
    """Of errors over their scale, as normal scores: a few large ones would decide a plain correlation."""
    found: dict[str, list[float]] = {}
    score = norm.ppf(np.clip(t.cdf(z, tail), 1e-4, 1 - 1e-4))
    for name, members in GROUPS.items():
        at = [LIFTED.index(member) for member in members]
        both = np.where(known[:, at, None], score[:, at], np.nan)
        found.setdefault(name.split("_")[-1], []).extend(_within(both[..., axis]) for axis in range(2))
    return {name: round(float(np.clip(np.mean(values), 0.0, 0.95)), 3) for name, values in found.items()}


def _within(score: Float[np.ndarray, "rows columns"]) -> float:
    """Mean product of two columns of a row over the mean square: the correlation that a row's values share."""
    there = np.isfinite(score)
    values = np.where(there, score, 0.0)
    count = there.sum(1)
    pairs = (count * (count - 1)).sum()
    if not pairs:
        return 0.0
    products = (values.sum(1) ** 2 - (values**2).sum(1)).sum() / pairs
    return float(products / max((values**2).sum() / there.sum(), 1e-9))


def _mixed(samples: DetectorSamples, swapped: np.ndarray, told: np.ndarray) -> dict[View, dict[str, float]]:
    views: dict[View, np.ndarray] = {
        "front": samples.facing > SIDE_ON,
        "side": np.abs(samples.facing) <= SIDE_ON,
        "back": samples.facing < -SIDE_ON,
    }
    found: dict[View, dict[str, float]] = {}
    for view, mine in views.items():
        both = mine & told.all(1)
        whole = swapped.all(1) & both
        rates = {"whole": whole.sum() / max(both.sum(), 1)}
        for column, name in enumerate(("upper", "lower")):
            alone = mine & told[:, column] & ~whole
            rates[name] = (swapped[:, column] & alone).sum() / max(alone.sum(), 1)
        found[view] = {name: round(float(rate), 4) for name, rate in rates.items()}
    return found
