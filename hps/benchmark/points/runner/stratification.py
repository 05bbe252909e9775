"""What results are split by: attributes of the clouds, and the bins of each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool

Value = float | str
NOT_STRATA: Final = ("subject", "motion", "flags")
"""Attributes in words that tell who or what a cloud is, not how hard."""
NOT_KNOWN: Final = "not known"
MOST_KINDS: Final = 40
"""An attribute in words with more values than this is told apart by nobody; it stays in the table of errors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stratification:
    """How one attribute is split."""

    attribute: str
    title: str
    edges: tuple[float, ...] = ()
    """Of a number: stratum k is edges[k] <= value < edges[k + 1]. Empty: each value is a stratum of its own."""
    shares: tuple[float, ...] = ()
    """Instead of edges: quantiles of the clouds at hand."""
    unit: str = ""
    scale: float = 1.0
    """From the attribute to its unit."""


STRATIFICATIONS: Final = (
    Stratification(attribute="part", title="part of the set"),
    Stratification(attribute="views", title="cameras"),
    Stratification(attribute="sensor", title="sensor"),
    Stratification(attribute="yaw_sector", title="side of the body that the camera sees"),
    Stratification(
        attribute="visible_share", title="skin that some camera sees", edges=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0001),
        unit="%", scale=100.0,
    ),
    Stratification(
        attribute="occluded_share", title="hidden by others or taken away",
        edges=(0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0001), unit="%", scale=100.0,
    ),
    Stratification(
        attribute="distance_m", title="distance", edges=(0.0, 1.5, 2.5, 3.5, 5.0, 10.0, float("inf")), unit="m",
    ),
    Stratification(
        attribute="points", title="points of the cloud",
        edges=(0.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, float("inf")),
    ),
    Stratification(
        attribute="rarity_mm", title="distance from the mean pose", shares=(0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0),
        unit="mm",
    ),
    Stratification(attribute="clothing", title="clothing"),
    Stratification(attribute="cloth_mm", title="mean offset of the cloth", shares=(0.0, 1 / 3, 2 / 3, 1.0), unit="mm"),
    Stratification(attribute="bmi", title="body mass index", shares=(0.0, 0.1, 0.5, 0.9, 1.0)),
    Stratification(attribute="child", title="child"),
    Stratification(attribute="mask", title="mask"),
    Stratification(attribute="clutter", title="clutter"),
    Stratification(attribute="action", title="action"),
)  # fmt: skip
"""Those of the benchmark; further attributes in words become strata too."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stratum:
    """Some of the clouds."""

    attribute: str
    name: str
    which: Bool[np.ndarray, "clouds"]
    low: float = float("nan")
    """Of the attribute, for numbers."""
    high: float = float("nan")


def strata_of(attributes: dict[str, Sequence[Value]], count: int) -> list[Stratum]:
    """Every stratum with at least one cloud, in the order of STRATIFICATIONS, then other attributes in words.

    attributes: of each cloud; NaN or "" where it is not known: such clouds are the last stratum of an attribute that is
    known of others, and so are clouds beyond all edges, so that no cloud is lost from a table.
    """
    known = {one.attribute: one for one in STRATIFICATIONS}
    found: list[Stratum] = []
    for name in (*known, *sorted(attributes.keys() - known.keys() - set(NOT_STRATA))):
        values = attributes.get(name)
        if values is None or len(values) != count:
            continue
        how = known.get(name, Stratification(attribute=name, title=name))
        numbers = numbers_of(values)
        own: list[Stratum] = []
        if how.edges or how.shares:
            own = [] if numbers is None else _ranges(how, numbers)
        elif name in known or numbers is None:
            own = _kinds(name, values)
        found += own + _others(name, own)
    return found


def numbers_of(values: Sequence[Value]) -> np.ndarray | None:
    """The values as numbers; None where one is a word."""
    if any(isinstance(value, str) and value for value in values):
        return None
    return np.array([np.nan if isinstance(value, str) else float(value) for value in values])


def _ranges(how: Stratification, values: np.ndarray) -> list[Stratum]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return []
    edges = np.array(how.edges) if how.edges else np.unique(np.quantile(finite, how.shares))
    if not how.edges:
        edges[-1] = np.nextafter(edges[-1], np.inf)
    found = []
    for low, high in itertools.pairwise(edges):
        which = (values >= low) & (values < high)
        if which.any():
            name = _range_name(how, float(low), float(high))
            found.append(Stratum(attribute=how.attribute, name=name, which=which, low=float(low), high=float(high)))
    return found


def _others(name: str, strata: list[Stratum]) -> list[Stratum]:
    """The clouds that are in none of an attribute's strata."""
    lost = ~np.any([stratum.which for stratum in strata], axis=0) if strata else np.zeros(1, bool)
    return [Stratum(attribute=name, name=NOT_KNOWN, which=lost)] if lost.any() else []


def _range_name(how: Stratification, low: float, high: float) -> str:
    unit = f" {how.unit}" if how.unit else ""
    if np.isinf(high):
        return f"{low * how.scale:.3g}{unit} and more"
    return f"{max(low, 0) * how.scale:.3g} to {high * how.scale:.3g}{unit}"


def _kinds(name: str, values: Sequence[Value]) -> list[Stratum]:
    words = np.array([_word(value) for value in values], object)
    kinds = sorted({word for word in words if word}, key=lambda word: (_order(word), word))
    if len(kinds) > MOST_KINDS:
        return []
    return [Stratum(attribute=name, name=kind, which=words == kind) for kind in kinds]


def _word(value: Value) -> str:
    if isinstance(value, str):
        return value
    return "" if not np.isfinite(value) else f"{value:g}"


def _order(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("inf")
