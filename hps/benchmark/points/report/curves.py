"""Mean error along an attribute of the clouds: occlusion, distance, number of points, distance from the mean pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float, Int64

from hps.benchmark.points.report.figures import figure
from hps.benchmark.points.runner.cloud_facts import CloudFacts
from hps.benchmark.points.runner.stratification import numbers_of

BINS: Final = 10
LEAST: Final = 12
"""Clouds of a bin, at least; fewer say little of other people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One attribute on the x axis."""

    attribute: str
    title: str
    unit: str = ""
    scale: float = 1.0
    logarithmic: bool = False
    parts: tuple[str, ...] = ()
    """Of the set, in which nothing else changes with the attribute; other clouds have other sensors, rooms, poses."""


MAIN: Final = "kinect"
TAKEN: Final = tuple(f"removed_{percent}" for percent in (30, 50, 70, 90))
CURVES: Final = (
    Curve(
        attribute="occluded_share", title="hidden by others or taken away", unit="%", scale=100.0,
        parts=(MAIN, *TAKEN, "occluded"),
    ),
    Curve(
        attribute="visible_share", title="skin that some camera sees", unit="%", scale=100.0,
        parts=(MAIN, *TAKEN, "occluded"),
    ),
    Curve(attribute="distance_m", title="distance from the camera", unit="m", parts=("far",)),
    Curve(attribute="points", title="points of the cloud", logarithmic=True, parts=(MAIN, "sparse")),
    Curve(attribute="rarity_mm", title="distance from the mean pose", unit="mm", parts=(MAIN, "rare")),
)  # fmt: skip
MEASURED: Final = ("mpjpe_abs", "pve_abs")


def curve_of(
    curve: Curve, facts: CloudFacts, subjects: Int64[np.ndarray, "clouds"], methods: dict[str, Any]
) -> dict[str, Any] | None:
    """The curve of every method; None where the attribute is not known or is the same for all.

    methods: by label the errors as `summarise` has them: by measure one array a run. Clouds of one camera only, where
    there are any: else the number of cameras would be what the curve shows. For the same reason only the curve's parts
    of the set, where more than one bin of them was run.
    """
    values = numbers_of(facts.attributes.get(curve.attribute, ()))
    if values is None or len(values) != len(facts):
        return None
    which = np.isfinite(values) & one_camera(facts) & _of_parts(curve, facts)
    bins = _bins(values, which)
    if len(bins) < 2:
        return None
    found: dict[str, Any] = {
        "title": curve.title,
        "unit": curve.unit,
        "logarithmic": curve.logarithmic,
        "one_camera": bool((~one_camera(facts)).any()),
        "parts": sorted({str(part) for part, taken in zip(facts.attributes.get("part", ()), which) if taken}),
        "x": [float(values[b].mean() * curve.scale) for b in bins],
        "n": [int(b.sum()) for b in bins],
        "methods": {},
    }
    for label, errors in methods.items():
        told: dict[str, Any] = {}
        for measure in MEASURED:
            rows = [figure(errors[measure], subjects, b) for b in bins]
            if any(rows):
                told[measure] = {key: [row and row[key] for row in rows] for key in ("value", "low", "high")}
        found["methods"][label] = told
    return found


def _of_parts(curve: Curve, facts: CloudFacts) -> Bool[np.ndarray, "clouds"]:
    """The clouds of the curve's parts; all where these parts were not run, or are too few."""
    of_them = np.array([part in curve.parts for part in facts.attributes.get("part", ())], bool)
    return of_them if of_them.sum() >= 2 * LEAST else np.ones(len(facts), bool)


def one_camera(facts: CloudFacts) -> Bool[np.ndarray, "clouds"]:
    """The clouds of one camera; all where none is, or where it is not known."""
    views = numbers_of(facts.attributes.get("views", ()))
    if views is None or len(views) != len(facts) or not (views == 1).any():
        return np.ones(len(facts), bool)
    return np.asarray(views == 1)


def _bins(
    values: Float[np.ndarray, "clouds"], which: Bool[np.ndarray, "clouds"]
) -> Sequence[Bool[np.ndarray, "clouds"]]:
    """Bins of nearly equal numbers of clouds; equal values are never parted."""
    known = values[which]
    if not len(known):
        return []
    count = min(BINS, max(len(known) // LEAST, 1))
    edges = np.unique(np.quantile(known, np.linspace(0, 1, count + 1)))
    if len(edges) < 2:
        return []
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    bins = [which & (place == k) for k in range(len(edges) - 1)]
    return [b for b in bins if b.sum() >= min(LEAST, len(known) // 2)]
