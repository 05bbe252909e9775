"""Everything that a benchmark run found, as plain numbers and words: what is written to results.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float, Int64

from hps.benchmark.points.report.calibration import calibration_of
from hps.benchmark.points.report.confidence import confidence_of
from hps.benchmark.points.report.curves import CURVES, curve_of
from hps.benchmark.points.report.figures import figure, numbered, ratio
from hps.benchmark.points.runner.cloud_facts import CloudFacts
from hps.benchmark.points.runner.measures import MEASURES, MOVEMENT, SHORT
from hps.benchmark.points.runner.run import BenchmarkRun
from hps.benchmark.points.runner.stratification import Stratum, numbers_of, strata_of
from hps.metrics.held_out import CROSS_VIEW_FLOOR_MM
from hps.metrics.rarity import TAILS, balanced_mean, tail_mean

MAIN_PART: Final = "kinect"
"""Of the set: told first."""
MOVING_PART: Final = "motion"
MOST_REASONS: Final = 8
FORMAT: Final = 1
Errors = dict[str, list[Float[np.ndarray, "clouds"]]]
"""By measure, one array a run of the label."""


def summarise(run: BenchmarkRun, about: Mapping[str, Any]) -> dict[str, Any]:
    """The results of all labels; runs of one label are seeds of one method.

    about: what stands at the head, such as split, set and machine. NaN becomes None.
    """
    facts, subjects = run.facts, numbered(run.facts.subjects)
    labels = list(dict.fromkeys(entrant.spec.label for entrant in run.entrants))
    places = {label: [n for n, e in enumerate(run.entrants) if e.spec.label == label] for label in labels}
    errors = {label: _errors(run, places[label]) for label in labels}
    moving = _moving(facts)
    strata = strata_of({name: list(values) for name, values in facts.attributes.items()}, len(facts))
    cases = cases_of(facts)
    everything = np.ones(len(facts), bool)
    with_body = np.isfinite(run.substitute.errors["failure"])
    methods = [
        _identity(run, label, places[label])
        | {
            "all": _figures(errors[label], subjects, everything, tuple(m.name for m in MEASURES)),
            "cases": {name: _figures(errors[label], subjects, which, SHORT) for name, which in cases.items()},
            "strata": _strata(errors[label], subjects, strata),
            "rarity": _rarity(errors[label], facts),
            "acceleration": figure([run.acceleration[n] for n in places[label]], subjects, moving),
            "acceleration_m_s2": figure([run.acceleration_m_s2[n] for n in places[label]], subjects, moving),
            "held_out_camera": _held_out(run, places[label]),
            "calibration": calibration_of([run.tables[n] for n in places[label]], _rarity_groups(strata)),
            "confidence": confidence_of([run.tables[n] for n in places[label]], subjects, with_body),
        }
        for label in labels
    ]
    known = np.isfinite(run.substitute.errors["mpjpe_abs"])
    return _plain(
        {
            "format": FORMAT,
            **about,
            "clouds": len(facts),
            "clouds_with_truth": int(known.sum()),
            "subjects": len(set(facts.subjects)),
            "cases": {name: int(which.sum()) for name, which in cases.items()},
            "measures": {
                m.name: {"title": m.title, "protocol": m.protocol, "unit": m.unit, "digits": m.digits, "scale": m.scale}
                for m in MEASURES
            },
            "movement": {
                "measures": {
                    m.name: {"title": m.title, "protocol": m.protocol, "unit": m.unit, "digits": m.digits}
                    for m in MOVEMENT
                },
                "rates_hz": sorted({round(float(r), 3) for r in run.rate_hz[moving & np.isfinite(run.rate_hz)]}),
            },
            "cross_view_floor_mm": list(CROSS_VIEW_FLOOR_MM),
            "methods": methods,
            "ratios": _ratios(errors, subjects, cases | _sets(strata)),
            "curves": {c.attribute: curve_of(c, facts, subjects, errors) for c in CURVES},
        }
    )


def cases_of(facts: CloudFacts) -> dict[str, Bool[np.ndarray, "clouds"]]:
    """The clouds of each part of the set, parted by the number of cameras where a part has several.

    Empty where there are no parts.
    """
    if "part" not in facts.attributes:
        return {}
    parts = facts.attributes["part"]
    views = numbers_of(facts.attributes.get("views", ()))
    found: dict[str, np.ndarray] = {}
    for part in sorted(set(parts), key=lambda part: (part != MAIN_PART, parts.index(part))):
        which = np.array([one == part for one in parts])
        counts = [] if views is None else sorted(set(views[which][np.isfinite(views[which])].tolist()))
        if views is None or len(counts) < 2:
            found[str(part)] = which
            continue
        for count in counts:
            found[f"{part}, {count:g} {'camera' if count == 1 else 'cameras'}"] = which & (views == count)
    return found


def _errors(run: BenchmarkRun, places: list[int]) -> Errors:
    counted = [run.tables[place].counted(run.substitute) for place in places]
    return {measure.name: [one[measure.name] for one in counted] for measure in MEASURES}


def _identity(run: BenchmarkRun, label: str, places: list[int]) -> dict[str, Any]:
    tables, entrants = [run.tables[n] for n in places], [run.entrants[n] for n in places]
    reasons = Counter(words for table in tables for words in table.refused if words)
    steps = list(dict.fromkeys(step for table in tables for step in table.milliseconds))
    return {
        "label": label,
        "runs": [{"asked": e.spec.words, "digest": e.digest} for e in entrants],
        "parameters": entrants[0].parameters,
        "gflops": entrants[0].gflops,
        "answers": int(sum(table.answered.sum() for table in tables)),
        "bodies": int(sum(table.has_body.sum() for table in tables)),
        "asked": len(run.facts) * len(places),
        "refused": {words: count for words, count in reasons.most_common(MOST_REASONS)},
        "refused_in_all": int(sum(reasons.values())),
        "milliseconds": {
            step: float(np.nanmedian(values))
            for step in steps
            if np.isfinite(
                values := np.concatenate([t.milliseconds[step] for t in tables if step in t.milliseconds])
            ).any()
        },
    }


def _figures(
    errors: Errors, subjects: Int64[np.ndarray, "clouds"], which: Bool[np.ndarray, "clouds"], names: tuple[str, ...]
) -> dict[str, Any]:
    found = {name: figure(errors[name], subjects, which) for name in names}
    return {name: told for name, told in found.items() if told is not None}


def _strata(errors: Errors, subjects: Int64[np.ndarray, "clouds"], strata: list[Stratum]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for stratum in strata:
        found.setdefault(stratum.attribute, {})[stratum.name] = _figures(errors, subjects, stratum.which, SHORT)
    return found


def _rarity(errors: Errors, facts: CloudFacts) -> dict[str, Any] | None:
    """Errors balanced over 100 bins of the distance from the mean pose, and those of the rarest clouds (IHMR)."""
    rarity = numbers_of(facts.attributes.get("rarity_mm", ()))
    if rarity is None or len(rarity) != len(facts):
        return None
    found: dict[str, Any] = {}
    for name in ("mpjpe_abs", "mpjpe_pa", "pve_abs"):
        mean = np.mean(errors[name], axis=0)
        there = np.isfinite(mean) & np.isfinite(rarity)
        if there.any():
            tails = {f"tail_{100 * s:g}": tail_mean(mean[there], rarity[there], s) for s in TAILS}
            found[name] = {"balanced": balanced_mean(mean[there], rarity[there]), **tails}
    return found or None


def _rarity_groups(strata: list[Stratum]) -> dict[str, Bool[np.ndarray, "clouds"]]:
    return {stratum.name: stratum.which for stratum in strata if stratum.attribute == "rarity_mm"}


def _moving(facts: CloudFacts) -> Bool[np.ndarray, "clouds"]:
    """The part of the set that is made for movement, where there is one: other parts have other frame rates."""
    which = np.array([part == MOVING_PART for part in facts.attributes.get("part", ())], bool)
    return which if which.any() else np.ones(len(facts), bool)


def _sets(strata: list[Stratum]) -> dict[str, Bool[np.ndarray, "clouds"]]:
    """The data sets that the parts of the benchmark consist of, such as each share of points that was removed."""
    return {f"set {stratum.name}": stratum.which for stratum in strata if stratum.attribute == "set"}


def _held_out(run: BenchmarkRun, places: list[int]) -> dict[str, Any] | None:
    if run.held_out_facts is None:
        return None
    subjects = numbered(run.held_out_facts.subjects)
    runs = [run.held_out[n] for n in places]
    found = figure(runs, subjects)
    return found and found | {"without_body": int(sum(np.isnan(one).sum() for one in runs))}


def _ratios(
    errors: dict[str, Errors], subjects: Int64[np.ndarray, "clouds"], cases: dict[str, Bool[np.ndarray, "clouds"]]
) -> dict[str, Any]:
    """Absolute MPJPE of each method over that of every other, case by case, paired by cloud."""
    found: dict[str, Any] = {}
    for case, which in cases.items():
        for a, one in errors.items():
            for b, other in errors.items():
                told = ratio(one["mpjpe_abs"], other["mpjpe_abs"], subjects, which) if a != b else None
                if told is not None:
                    found.setdefault(case, {}).setdefault(a, {})[b] = told
    return found


def _plain(value: Any) -> Any:
    """Numbers that JSON has: NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
