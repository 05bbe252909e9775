"""One self-contained HTML page about a point-cloud benchmark."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import cv2
import jinja2
from plotly.offline import get_plotlyjs

from geometry.camera_files.writing import write_text
from hps.benchmark.points.report import markdown as words
from hps.benchmark.points.report.gallery import GalleryCase
from hps.benchmark.points.report.plots import (
    calibration_curves,
    error_curves,
    reliability_curves,
    sparsification_curves,
)
from hps.benchmark.points.runner.measures import SHORT

STRATA_SHOWN: Final = ("mpjpe_abs", "pve_abs", "failure")
QUALITY: Final = 88
"""Of the gallery's JPEG pictures."""


def write_benchmark_page(path: Path, results: dict[str, Any], cases: Sequence[GalleryCase] = ()) -> None:
    """Writes the page of `results.json`'s content; whoever opens it needs no other file and no network."""
    methods = results["methods"]
    page = _template().render(
        results=results,
        tables=[_method_table(results, "all", f"All {results['clouds']} clouds")]
        + [_method_table(results, case, f"{case}: {count} clouds") for case, count in results["cases"].items()],
        measures=[*results["measures"].values(), *results["movement"]["measures"].values()],
        sizes=[
            {
                "label": m["label"],
                "runs": ", ".join(run["asked"] for run in m["runs"]),
                "parameters": words.size_words(m["parameters"]),
                "gflops": words.number(m["gflops"], 2),
                "time": words.time_words(m),
                "answers": f"{m['answers']} of {m['asked']}",
                "refused": words.refusal_words(m),
            }
            for m in methods
        ],
        curves=[
            {"title": curve["title"], "html": html}
            for curve in results["curves"].values()
            if curve and (html := error_curves(curve))
        ],
        calibration=calibration_curves(methods),
        sparsification=sparsification_curves(methods),
        calibration_head=words.CALIBRATION_HEAD,
        calibration_rows=[[m["label"], *words.calibration_row(m["calibration"])] for m in methods if m["calibration"]],
        reliability=reliability_curves(methods),
        confidence_title=words.CONFIDENCE_TITLE,
        confidence_head=words.CONFIDENCE_HEAD,
        confidence_rows=[[m["label"], *words.confidence_row(m["confidence"])] for m in methods if m["confidence"]],
        movement=words.movement_words(results),
        further_head=words.FURTHER_HEAD,
        further_rows=[[m["label"], *words.further_row(m)] for m in methods],
        strata=[_strata_table(results, attribute) for attribute in words.told_strata(results)],
        gallery=_gallery(cases),
        plotly=get_plotlyjs(),
    )
    write_text(path, page)


def _method_table(results: dict[str, Any], case: str, title: str) -> dict[str, Any]:
    measures = results["measures"]
    found = [m["all"] if case == "all" else m["cases"].get(case, {}) for m in results["methods"]]
    shown = [name for name in SHORT if any(name in one for one in found)]
    best = {name: _best([one.get(name) for one in found]) for name in shown}
    return {
        "title": title,
        "measures": [measures[name] for name in shown],
        "rows": [
            {
                "label": m["label"],
                "cells": [
                    {"text": words.cell(one.get(n), measures[n]["digits"], measures[n]["scale"]), "best": k == best[n]}
                    for n in shown
                ],
            }
            for k, (m, one) in enumerate(zip(results["methods"], found))
        ],
    }


def _best(told: list[dict[str, Any] | None]) -> int:
    """Place of the lowest value; -1 where there is none to compare with."""
    values = [(one["value"], place) for place, one in enumerate(told) if one and one["value"] is not None]
    return min(values)[1] if len(values) > 1 else -1


def _strata_table(results: dict[str, Any], attribute: str) -> dict[str, Any]:
    """Rows are strata, columns the methods: MPJPE, and PVE with failures below it."""
    measures, methods = results["measures"], results["methods"]
    rows = []
    for name in dict.fromkeys(name for m in methods for name in m["strata"].get(attribute, {})):
        told = [m["strata"].get(attribute, {}).get(name, {}) for m in methods]
        first = next((one[n] for one in told for n in STRATA_SHOWN if n in one), None)
        if first is None:
            continue
        cells = [
            [words.cell(one[n], measures[n]["digits"], measures[n]["scale"]) for n in STRATA_SHOWN if n in one]
            for one in told
        ]
        rows.append({"name": name, "n": first["n"], "subjects": first["subjects"], "cells": cells})
    shown = "; ".join(words.heading_words(measures[n]) for n in STRATA_SHOWN)
    return {"attribute": attribute, "labels": [m["label"] for m in methods], "rows": rows, "shown": shown}


def _gallery(cases: Sequence[GalleryCase]) -> list[dict[str, Any]]:
    """By method."""
    found: dict[str, list[dict[str, str]]] = {}
    for case in cases:
        options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        done, encoded = cv2.imencode(".jpg", cv2.cvtColor(case.picture, cv2.COLOR_RGB2BGR), options)
        if done:
            address = "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()
            one = {"kind": case.kind, "key": case.key, "words": case.words, "picture": address}
            found.setdefault(case.label, []).append(one)
    return [{"label": label, "cases": pictures} for label, pictures in found.items()]


def _template() -> jinja2.Template:
    source = files("humanrig").joinpath("templates/benchmark.html").read_text("utf-8")
    environment: Any = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)
