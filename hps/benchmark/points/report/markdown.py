"""The results as a page of Markdown: tables with the protocol beside every number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hps.benchmark.points.runner.measures import SHORT
from hps.metrics.failures import FAILURE_MM
from hps.points.estimate import USABLE

NONE: Final = "–"
STRATA_MEASURE: Final = ("mpjpe_abs", "pve_abs", "failure")
"""What tables of strata show."""


def markdown(results: dict[str, Any]) -> str:
    """All tables that are for people; results.json has more."""
    measures, methods = results["measures"], results["methods"]
    parts = [f"# {results.get('title', 'Point-cloud benchmark')}", "", *_head(results), ""]
    parts += ["## All clouds", "", *_method_table(results, "all"), ""]
    for case, count in results["cases"].items():
        parts += [f"## {case} ({count} clouds)", "", *_method_table(results, case), ""]
    parts += ["## Protocols", "", *_table(["measure", "unit", "what is compared"], [
        [m["title"], m["unit"], m["protocol"]]
        for m in (*measures.values(), *results["movement"]["measures"].values())
    ]), ""]  # fmt: skip
    parts += ["## Size and time", "", *_table(["method", "runs", "parameters", "GFLOP", "ms a cloud"], [
        [m["label"], str(len(m["runs"])), size_words(m["parameters"]), number(m["gflops"], 2), time_words(m)]
        for m in methods
    ]), ""]  # fmt: skip
    parts += _optional("## Answers", ["method", "asked", "answers", "bodies", "refused, and why"], [
        [m["label"], str(m["asked"]), str(m["answers"]), str(m["bodies"]), refusal_words(m)] for m in methods
    ])  # fmt: skip
    parts += _optional("## Uncertainty of joints", list(CALIBRATION_HEAD), [
        [m["label"], *calibration_row(m["calibration"])] for m in methods if m["calibration"]
    ])  # fmt: skip
    parts += _optional(f"## {CONFIDENCE_TITLE}", list(CONFIDENCE_HEAD), [
        [m["label"], *confidence_row(m["confidence"])] for m in methods if m["confidence"]
    ])  # fmt: skip
    parts += _optional("## Movement, held-out cameras, rare poses", list(FURTHER_HEAD), [
        [m["label"], *further_row(m)] for m in methods
    ])  # fmt: skip
    parts += [movement_words(results), ""]
    for attribute in told_strata(results):
        parts += [f"## By {attribute}", "", *_strata_table(results, attribute), ""]
    return "\n".join(parts)


CALIBRATION_HEAD: Final = (
    "method", "stated σ mm", "true mm", "50 % holds", "68 %", "90 %", "95 %", "ECE mm", "NLL", "AUSE mm", "correlation",
    "90 % radius is σ times",
)  # fmt: skip
CONFIDENCE_TITLE: Final = f"Confidence: the stated probability that PVE < {FAILURE_MM:g} mm"
CONFIDENCE_HEAD: Final = (
    "method", "bodies", "failures among them", "AUROC of telling failures", "ECE", "Brier",
    f"used: clouds with confidence ≥ {USABLE:g}", "failures among the used",
)  # fmt: skip
FURTHER_HEAD: Final = (
    "method", "acceleration error mm/frame² (HMMR)", "acceleration error m/s² (WHAM)", "held-out camera mm",
    "bMPJPE", "rarest 10 %", "rarest 5 %",
)  # fmt: skip


def calibration_row(told: dict[str, Any]) -> list[str]:
    """The cells after the method's name."""
    shares = [f"{100 * told['coverage'][level]:.1f} %" for level in ("50", "68", "90", "95")]
    return [
        number(told["sigma_mm"], 1), number(told["rms_mm"], 1), *shares, number(told["ece_mm"], 1),
        number(told["nll"], 2), number(told["ause_mm"], 1), number(told["spearman"], 2),
        number(told["conformal_factor_90"], 2),
    ]  # fmt: skip


def confidence_row(told: dict[str, Any]) -> list[str]:
    """The cells after the method's name."""
    return [
        str(told["bodies"]), f"{told['failures']} ({100 * told['failures'] / told['bodies']:.1f} %)",
        number(told["auroc"], 3), number(told["ece"], 3), number(told["brier"], 3),
        f"{100 * told['used_share']:.1f} %", f"{cell(told['used_failure'], 1, 100.0)} %",
    ]  # fmt: skip


def further_row(method: dict[str, Any]) -> list[str]:
    """The cells after the method's name."""
    rare = (method["rarity"] or {}).get("mpjpe_abs", {})
    return [
        cell(method["acceleration"], 1), cell(method["acceleration_m_s2"], 2), cell(method["held_out_camera"], 1),
        number(rare.get("balanced"), 1),
        number(rare.get("tail_10"), 1), number(rare.get("tail_5"), 1),
    ]  # fmt: skip


def movement_words(results: dict[str, Any]) -> str:
    """At which rates movement was measured."""
    rates = [f"{rate:g}" for rate in results["movement"]["rates_hz"]]
    return f"Acceleration is that of clouds at {' and '.join(rates)} Hz." if rates else (
        "Acceleration: there are no clouds that follow each other at a known rate."
    )  # fmt: skip


def told_strata(results: dict[str, Any]) -> list[str]:
    """The attributes that part the clouds at all."""
    kinds: dict[str, set[str]] = {}
    for method in results["methods"]:
        for attribute, strata in method["strata"].items():
            kinds.setdefault(attribute, set()).update(name for name, told in strata.items() if told)
    return [attribute for attribute, names in kinds.items() if len(names) > 1]


def heading_words(measure: dict[str, Any]) -> str:
    """Of a column: measure, unit and protocol."""
    return f"{measure['title']}, {measure['unit']} ({measure['protocol']})"


def cell(told: dict[str, Any] | None, digits: int, scale: float = 1.0) -> str:
    """`35.2 [33.1, 37.9]`; of several seeds `35.2 ± 0.8 [33.1, 37.9]`."""
    if not told or told["value"] is None:
        return NONE
    words = f"{scale * told['value']:.{digits}f}"
    if told.get("sd") is not None:
        words += f" ± {scale * told['sd']:.{digits}f}"
    if told.get("low") is not None:
        words += f" [{scale * told['low']:.{digits}f}, {scale * told['high']:.{digits}f}]"
    return words


def number(value: float | None, digits: int) -> str:
    """The number, or a dash."""
    return NONE if value is None else f"{value:.{digits}f}"


def size_words(parameters: int | None) -> str:
    """Of a network, in millions."""
    return NONE if parameters is None else f"{parameters / 1e6:.2f} M"


def time_words(method: dict[str, Any]) -> str:
    """Milliseconds of a cloud: by step as the method tells, alone and in a batch as the runner measured."""
    steps = [f"{step} {value:.1f}" for step, value in method["milliseconds"].items() if step != "call"]
    found = [", ".join(steps)] if steps else []
    for told in method.get("timing", []):
        many = f", {told['batch_ms']:.1f} of {told['batch']} at once" if told["batch_ms"] is not None else ""
        found.append(f"{told['device']}: {told['alone_ms']:.1f} alone{many}")
    return "; ".join(found) or NONE


def refusal_words(method: dict[str, Any]) -> str:
    """How many clouds have no answer, and the commonest reasons."""
    if not method["refused_in_all"]:
        return "none"
    reasons = "; ".join(f"{count} × {words}" for words, count in method["refused"].items())
    return f"{method['refused_in_all']}: {reasons}".replace("|", "/")


def _head(results: dict[str, Any]) -> list[str]:
    said = [f"{results['clouds']} clouds of {results['subjects']} subjects"]
    if results["clouds_with_truth"] < results["clouds"]:
        said.append(f"{results['clouds_with_truth']} of them with a known truth")
    lines = [f"{', '.join(said)}. {results.get('from', '')}".strip()]
    lines += [str(note) for note in results.get("notes", [])]
    return [
        *lines, "",
        "Means with 95 % intervals over subjects; ± is the standard deviation over seeds. A cloud without an answer "
        "counts as a failure, and in means as a body at rest in its middle.",
    ]  # fmt: skip


def _method_table(results: dict[str, Any], case: str) -> list[str]:
    measures = results["measures"]
    found = [m["all"] if case == "all" else m["cases"].get(case, {}) for m in results["methods"]]
    shown = [name for name in SHORT if any(name in one for one in found)]
    heading = ["method", *(heading_words(measures[n]) for n in shown)]
    rows = [
        [m["label"], *(cell(one.get(n), measures[n]["digits"], measures[n]["scale"]) for n in shown)]
        for m, one in zip(results["methods"], found)
    ]
    return _table(heading, rows)


def _strata_table(results: dict[str, Any], attribute: str) -> list[str]:
    rows: list[list[str]] = []
    measures = results["measures"]
    names = list(dict.fromkeys(name for m in results["methods"] for name in m["strata"].get(attribute, {})))
    for name in names:
        for method in results["methods"]:
            told = method["strata"].get(attribute, {}).get(name, {})
            first = next((told[n] for n in STRATA_MEASURE if n in told), None)
            if first is None:
                continue
            values = [cell(told.get(n), measures[n]["digits"], measures[n]["scale"]) for n in STRATA_MEASURE]
            rows.append([name, method["label"], str(first["n"]), str(first["subjects"]), *values])
    heading = [heading_words(measures[n]) for n in STRATA_MEASURE]
    return _table(["", "method", "clouds", "subjects", *heading], rows)


def _optional(title: str, heading: Sequence[str], rows: list[list[str]]) -> list[str]:
    return [title, "", *_table(heading, rows), ""] if rows else []


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(heading)} |", f"|{'---|' * len(heading)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]
